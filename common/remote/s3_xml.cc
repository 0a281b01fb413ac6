#include "common/remote/s3_xml.h"

#include <charconv>
#include <pugixml.hpp>
#include <sstream>

namespace ballast {
namespace {

// The root of an answer of that name.
Result<pugi::xml_node> root_of(pugi::xml_document& document, std::string_view xml,
                               const char* name) {
  const auto parsed = document.load_buffer(xml.data(), xml.size());
  const pugi::xml_node root = document.child(name);
  if (parsed && root) return root;
  return Error{ErrorCode::corrupt, std::string("expected a ") + name + " from the S3 server, got " +
                                       std::to_string(xml.size()) + " bytes that are none (" +
                                       (parsed ? "another element" : parsed.description()) +
                                       "); is this an S3 server?"};
}

bool is_true(const pugi::xml_node& node) { return std::string_view(node.text().get()) == "true"; }

}  // namespace

Result<S3ListPage> parse_list(std::string_view xml) {
  pugi::xml_document document;
  const auto root = root_of(document, xml, "ListBucketResult");
  if (!root) return root.error();
  S3ListPage page;
  for (const pugi::xml_node& contents : root->children("Contents")) {
    S3Entry entry;
    entry.key = contents.child("Key").text().get();
    const std::string_view size = contents.child("Size").text().get();
    const auto parsed = std::from_chars(size.data(), size.data() + size.size(), entry.bytes);
    if (entry.key.empty() || parsed.ec != std::errc() || parsed.ptr != size.data() + size.size()) {
      return Error{ErrorCode::corrupt,
                   "expected a key and a size in each entry of the S3 server's list"};
    }
    page.entries.push_back(std::move(entry));
  }
  if (is_true(root->child("IsTruncated"))) {
    page.next = root->child("NextContinuationToken").text().get();
    if (page.next.empty()) {
      return Error{ErrorCode::corrupt,
                   "the S3 server's list is cut short and does not say how to "
                   "go on"};
    }
  }
  return page;
}

Result<S3UploadsPage> parse_uploads(std::string_view xml) {
  pugi::xml_document document;
  const auto root = root_of(document, xml, "ListMultipartUploadsResult");
  if (!root) return root.error();
  S3UploadsPage page;
  for (const pugi::xml_node& upload : root->children("Upload")) {
    page.uploads.push_back(
        {upload.child("Key").text().get(), upload.child("UploadId").text().get()});
  }
  if (is_true(root->child("IsTruncated"))) {
    page.next_key = root->child("NextKeyMarker").text().get();
    page.next_id = root->child("NextUploadIdMarker").text().get();
  }
  return page;
}

Result<std::string> parse_upload_id(std::string_view xml) {
  pugi::xml_document document;
  const auto root = root_of(document, xml, "InitiateMultipartUploadResult");
  if (!root) return root.error();
  std::string id = root->child("UploadId").text().get();
  if (id.empty()) return Error{ErrorCode::corrupt, "the S3 server gave an upload no id"};
  return id;
}

S3Refusal parse_refusal(std::string_view xml) {
  pugi::xml_document document;
  if (!document.load_buffer(xml.data(), xml.size())) return {};
  const pugi::xml_node error = document.child("Error");
  return {error.child("Code").text().get(), error.child("Message").text().get()};
}

std::string parts_xml(const std::vector<S3Part>& parts) {
  pugi::xml_document document;
  pugi::xml_node root = document.append_child("CompleteMultipartUpload");
  for (const S3Part& part : parts) {
    pugi::xml_node node = root.append_child("Part");
    node.append_child("PartNumber").text().set(part.number);
    node.append_child("ETag").text().set(part.etag.c_str());
  }
  std::ostringstream text;
  document.save(text, "", pugi::format_raw | pugi::format_no_declaration);
  return text.str();
}

}  // namespace ballast
