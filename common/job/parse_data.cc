#include <fnmatch.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "common/base/address.h"
#include "common/job/parse_sections.h"
#include "common/job/text.h"

namespace ballast {
namespace {

bool is_table(DataFormat format) { return format == DataFormat::csv || format == DataFormat::tsv; }

bool has_columns(DataFormat format) { return is_table(format) || format == DataFormat::jsonl; }

// A prefix is refused here, before anything is asked of a server.
void check_path(const Place& place, const std::string& path) {
  if (path.empty()) place.complain("expected a path, got an empty text");
  if (!is_address(path)) return;
  const auto address = parse_address(path);
  if (!address) {
    place.complain(address.error().message);
  } else if (address->scheme == AddressScheme::s3 &&
             (address->path.empty() || address->path.ends_with('/'))) {
    place.complain(fmt::format("expected an object or a pattern, got the prefix {}; write {}*",
                               in_quotes(path),
                               path + (address->path.empty() && !path.ends_with('/') ? "/" : "")));
  }
}

void read_paths(const Place& place, std::vector<std::string>& out) {
  auto paths = place.texts();
  if (!paths) return;
  if (paths->empty()) place.complain("expected a path, got an empty list");
  for (const std::string& path : *paths) check_path(place, path);
  out = std::move(*paths);
}

// "path", "[path, ...]" or "{images: ..., labels: ...}".
void parse_source(const Place& source, SourceSpec& out) {
  if (!source.is(YamlNode::Kind::mapping)) {
    read_paths(source, out.paths);
    return;
  }
  if (!source.check_fields()) return;
  const bool both = source.require("images", "write the path of the IDX file of images") &&
                    source.require("labels", "write the path of the IDX file of labels");
  if (!both) return;
  read_paths(source.at("images"), out.paths);
  read_paths(source.at("labels"), out.label_paths);
  if (out.paths.size() != out.label_paths.size()) {
    source.at("labels").complain(
        fmt::format("expected one path of labels for each of the {} paths of images, got {}",
                    out.paths.size(), out.label_paths.size()));
  }
}

void parse_validation(const Place& validation, DataSpec& out) {
  if (validation.is_number()) {
    if (const auto fraction = validation.number(kFraction)) out.validation_fraction = *fraction;
    return;
  }
  parse_source(validation, out.validation);
}

// What the extension says, compression aside.
std::optional<DataFormat> format_of(std::string_view path) {
  if (path.starts_with("http")) path = path.substr(0, path.find_first_of("?#"));
  for (const std::string_view packed : {".gz", ".zst"}) {
    if (path.ends_with(packed)) path.remove_suffix(packed.size());
  }
  constexpr std::pair<std::string_view, DataFormat> kExtensions[] = {
      {".csv", DataFormat::csv},         {".tsv", DataFormat::tsv},
      {".jsonl", DataFormat::jsonl},     {".ndjson", DataFormat::jsonl},
      {".libsvm", DataFormat::libsvm},   {".svm", DataFormat::libsvm},
      {".svmlight", DataFormat::libsvm}, {".idx", DataFormat::idx},
      {"-ubyte", DataFormat::idx},
  };
  for (const auto& [extension, format] : kExtensions) {
    if (path.ends_with(extension)) return format;
  }
  return std::nullopt;
}

// False, with a problem, when nothing says what the format is.
bool parse_format(const Place& data, DataSpec& out) {
  if (data.has("format")) {
    const auto format = data.at("format").choice<DataFormat>();
    if (format) out.format = *format;
    return format.has_value();
  }
  if (out.train.paths.empty()) return false;
  const auto format =
      out.train.label_paths.empty() ? format_of(out.train.paths[0]) : DataFormat::idx;
  if (!format) {
    data.at("train").complain(fmt::format(
        "expected an extension that tells the format, got {}; add data.format: csv, tsv, libsvm, "
        "idx or jsonl",
        in_quotes(out.train.paths[0])));
    return false;
  }
  out.format = *format;
  return true;
}

void check_source(const Place& data, std::string_view name, const SourceSpec& source,
                  DataFormat format) {
  if (source.paths.empty()) return;
  const bool is_idx = format == DataFormat::idx;
  if (is_idx && source.label_paths.empty()) {
    data.at(name).complain("idx keeps images and labels apart; write {images: PATH, labels: PATH}");
  }
  if (!is_idx && !source.label_paths.empty()) {
    data.at(name).complain(
        fmt::format("images and labels are only for the format idx, this is {}; write a path",
                    name_of(format)));
  }
}

void add_column(const Place& place, const std::string& name, DataSpec& out) {
  const auto type = place.choice<ColumnType>();
  if (!type) return;
  const bool repeated = std::any_of(out.columns.begin(), out.columns.end(),
                                    [&](const ColumnSpec& c) { return c.name == name; });
  if (repeated) place.complain("this column is listed twice; remove one");
  if (name.empty()) place.complain("expected a column's name, got an empty text");
  out.columns.push_back({name, *type});
}

// A mapping from name to type, or a list of such mappings.
void parse_columns(const Place& columns, DataSpec& out) {
  if (columns.is(YamlNode::Kind::list)) {
    for (std::size_t i = 0; i < columns.node().items.size(); ++i) {
      const Place entry = columns.item(i);
      if (!entry.is(YamlNode::Kind::mapping) || entry.node().items.size() != 1) {
        entry.complain_expected("a column and its type, such as {age: number}");
        continue;
      }
      add_column(entry.item(0), entry.node().keys[0].text, out);
    }
  } else if (columns.is(YamlNode::Kind::mapping)) {
    for (std::size_t i = 0; i < columns.node().items.size(); ++i) {
      add_column(columns.item(i), columns.node().keys[i].text, out);
    }
  } else {
    columns.complain_expected("columns and their types, such as {age: number, city: category}");
  }
}

void parse_delimiter(const Place& data, DataSpec& out) {
  if (out.format == DataFormat::tsv) {
    out.delimiter = '\t';
    data.refuse("delimiter", "tsv has tabs between its cells; remove this, or write format: csv");
    return;
  }
  if (!data.has("delimiter")) return;
  const Place place = data.at("delimiter");
  const auto text = place.text();
  if (!text) return;
  if (*text == "tab" || *text == "\\t") {
    out.delimiter = '\t';
  } else if (text->size() == 1 && *text != "\"" && *text != "\n" && *text != "\r") {
    out.delimiter = text->front();
  } else {
    place.complain_expected("one character that is no quote and no line end, or tab");
  }
}

// What belongs to other formats is refused rather than passed over.
void parse_format_fields(const Place& data, DataSpec& out) {
  const std::string format(name_of(out.format));
  if (is_table(out.format)) {
    data.read("header", out.header);
    parse_delimiter(data, out);
  } else {
    const std::string why = fmt::format("only for csv and tsv, this is {}; remove it", format);
    data.refuse("header", why);
    data.refuse("delimiter", why);
  }
  if (has_columns(out.format)) {
    if (data.has("columns")) parse_columns(data.at("columns"), out);
    data.read("missing", out.missing);
  } else {
    const std::string why =
        fmt::format("only for csv, tsv and jsonl, this is {}; remove it", format);
    data.refuse("columns", why);
    data.refuse("missing", why);
  }
  if (is_table(out.format) || out.format == DataFormat::libsvm) {
    data.read("comment", out.comment);
    if (out.comment.find_first_of("\n\r") != std::string::npos) {
      data.at("comment").complain_expected("a prefix of one line");
    }
  } else {
    data.refuse("comment",
                fmt::format("only for csv, tsv and libsvm, this is {}; remove it", format));
  }
}

void parse_libsvm(const Place& data, DataSpec& out) {
  if (!data.has("libsvm")) return;
  const Place libsvm = data.at("libsvm");
  if (out.format != DataFormat::libsvm) {
    libsvm.complain(
        fmt::format("only for the format libsvm, this is {}; remove it", name_of(out.format)));
  }
  if (!libsvm.check_fields()) return;
  libsvm.read("dimension", WholeRange{.low = 1}, out.libsvm_dimension);
  libsvm.read("dense", out.libsvm_dense);
}

// The column of that name in data.columns. Complains where it must be there and is not: with a
// header it is found in that.
std::optional<ColumnSpec> listed_column(const Place& place, const DataSpec& data,
                                        const std::string& name) {
  if (data.columns.empty()) return std::nullopt;
  std::vector<std::string_view> names;
  for (const ColumnSpec& column : data.columns) names.push_back(column.name);
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return data.columns[static_cast<std::size_t>(found - names.begin())];
  if (data.header || data.format == DataFormat::jsonl) return std::nullopt;
  const std::string_view near = nearest(name, names);
  place.complain(fmt::format(
      "expected one of data.columns, got {}{}", in_quotes(name),
      near.empty() ? std::string() : fmt::format("; did you mean {}?", in_quotes(near))));
  return std::nullopt;
}

// The label's type follows from the model.
void check_label_column(const Place& place, const DataSpec& data) {
  const auto column = listed_column(place, data, data.label);
  if (column && (column->type == ColumnType::text || column->type == ColumnType::skip)) {
    place.complain(fmt::format("the label is a column of type {}; make it a number or a category",
                               name_of(column->type)));
  }
}

void parse_classes(const Place& label, DataSpec& out) {
  label.read("classes", out.classes);
  const std::set<std::string> distinct(out.classes.begin(), out.classes.end());
  if (label.has("classes") && out.classes.size() < 2) {
    label.at("classes").complain_expected("at least two classes");
  } else if (distinct.size() != out.classes.size()) {
    label.at("classes").complain("a class is listed twice; remove one");
  }
}

void parse_label(const Place& data, DataSpec& out) {
  const bool named = has_columns(out.format);
  if (!named) out.label = "label";
  if (!data.has("label")) {
    if (named) data.require("label", "write the name of the column to predict");
    return;
  }
  const Place label = data.at("label");
  Place column = label;
  if (label.is(YamlNode::Kind::mapping)) {
    if (!label.check_fields()) return;
    parse_classes(label, out);
    label.read("strip", out.label_strip_suffix);
    if (!label.has("column")) {
      if (named) label.require("column", "write the name of the column to predict");
      return;
    }
    column = label.at("column");
  }
  const auto name = column.text();
  if (!name) return;
  if (!named && *name != "label") {
    column.complain(fmt::format("{} has no columns, its label is called \"label\"; remove this",
                                name_of(out.format)));
    return;
  }
  out.label = *name;
  if (name->empty()) column.complain("expected a column's name, got an empty text");
  check_label_column(column, out);
}

// The column must be there, and hold numbers; that each is a weight shows when it is read.
void parse_weight(const Place& data, DataSpec& out) {
  if (!data.has("weight")) return;
  const Place weight = data.at("weight");
  if (!has_columns(out.format)) {
    weight.complain(
        fmt::format("{} has no column that could hold weights; use csv, tsv or jsonl, or remove it",
                    name_of(out.format)));
    return;
  }
  const auto name = weight.text();
  if (!name) return;
  out.weight = *name;
  if (name->empty()) {
    weight.complain("expected a column's name, got an empty text");
  } else if (*name == out.label) {
    weight.complain(fmt::format("{} is the label; name another column", in_quotes(*name)));
  } else if (const auto column = listed_column(weight, out, *name);
             column && (column->type == ColumnType::category || column->type == ColumnType::text)) {
    weight.complain(
        fmt::format("weights are numbers, and {} is a column of type {}; make it a number",
                    in_quotes(*name), name_of(column->type)));
  }
}

// Whether any source names that file, itself or by a pattern.
bool is_named(const DataSpec& data, const std::string& address) {
  for (const SourceSpec* source : {&data.train, &data.validation, &data.test}) {
    for (const auto* paths : {&source->paths, &source->label_paths}) {
      for (const std::string& path : *paths) {
        if (path == address) return true;
        const bool is_pattern = path.starts_with("s3://") && address.starts_with("s3://");
        if (is_pattern && ::fnmatch(path.c_str(), address.c_str(), FNM_PATHNAME) == 0) return true;
      }
    }
  }
  return false;
}

void parse_digests(const Place& data, DataSpec& out) {
  if (!data.has("sha256")) return;
  const Place digests = data.at("sha256");
  if (!digests.is(YamlNode::Kind::mapping)) {
    digests.complain_expected("addresses and the SHA-256 of their files");
    return;
  }
  for (std::size_t i = 0; i < digests.node().items.size(); ++i) {
    const Place place = digests.item(i);
    const std::string& address = digests.node().keys[i].text;
    const auto digest = place.text();
    if (!digest) continue;
    if (!is_address(address) || !is_named(out, address)) {
      place.complain(fmt::format("expected an address that data names, got {}",
                                 in_quotes(shown_address(address))));
    } else if (digest->size() != 64 ||
               digest->find_first_not_of("0123456789abcdef") != std::string::npos) {
      place.complain_expected("64 digits from 0-9 and a-f, as sha256sum prints them");
    } else {
      out.sha256.emplace_back(address, *digest);
    }
  }
}

}  // namespace

void parse_data(const Place& data, DataSpec& out) {
  if (!data.check_fields()) return;
  if (!data.require("train", "write the path of the training examples")) return;
  parse_source(data.at("train"), out.train);
  if (data.has("validation")) parse_validation(data.at("validation"), out);
  if (data.has("test")) parse_source(data.at("test"), out.test);
  data.read("on_bad_row", out.on_bad_row);
  parse_digests(data, out);
  if (!parse_format(data, out)) return;
  check_source(data, "train", out.train, out.format);
  check_source(data, "validation", out.validation, out.format);
  check_source(data, "test", out.test, out.format);
  parse_format_fields(data, out);
  parse_libsvm(data, out);
  parse_label(data, out);
  parse_weight(data, out);
}

}  // namespace ballast
