#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "common/job/parse_sections.h"
#include "common/job/text.h"

namespace ballast {
namespace {

// "number", "category" and "text" select columns by type, "*" by pattern.
bool is_selector(std::string_view text) {
  return text == "number" || text == "category" || text == "text" ||
         text.find('*') != std::string_view::npos;
}

// Which types of column a transform can work on.
std::vector<ColumnType> types_of(const TransformSpec& transform) {
  switch (transform.kind) {
    case TransformKind::clip:
    case TransformKind::standardize:
    case TransformKind::min_max:
    case TransformKind::scale:
    case TransformKind::bucketize:
      return {ColumnType::number};
    case TransformKind::tokenize:
      return {ColumnType::text, ColumnType::category};
    case TransformKind::impute:
      if (transform.impute_with == ImputeWith::mean ||
          transform.impute_with == ImputeWith::median) {
        return {ColumnType::number};
      }
      break;
    case TransformKind::one_hot:
    case TransformKind::hash:
    case TransformKind::drop_duplicates:
      break;
  }
  return {ColumnType::number, ColumnType::category, ColumnType::text};
}

void check_named_column(const Place& place, const DataSpec& data, const TransformSpec& transform,
                        const ColumnSpec& column) {
  if (column.name == data.label) {
    place.complain(
        fmt::format("the label {} is what the model predicts; a transform may not turn "
                    "it into a feature",
                    in_quotes(column.name)));
    return;
  }
  const std::vector<ColumnType> types = types_of(transform);
  if (std::find(types.begin(), types.end(), column.type) != types.end()) return;
  std::vector<std::string> words;
  for (const ColumnType type : types) words.emplace_back(name_of(type));
  place.complain(fmt::format("{} works on columns of type {}, {} is of type {}",
                             name_of(transform.kind), listed(words, "or"), in_quotes(column.name),
                             name_of(column.type)));
}

// Types and patterns are resolved where the data is at hand; a name can be checked before it is.
void check_column(const Place& place, const std::string& selector, const DataSpec& data,
                  const TransformSpec& transform) {
  if (selector.empty()) place.complain("expected a column, got an empty text");
  if (data.columns.empty()) return;
  std::vector<std::string_view> names = {"number", "category", "text"};
  for (const ColumnSpec& column : data.columns) {
    if (column.name == selector) return check_named_column(place, data, transform, column);
    names.push_back(column.name);
  }
  if (is_selector(selector)) return;
  const std::string_view near = nearest(selector, names);
  place.complain(fmt::format(
      "expected a column of data.columns, number, category, text or a pattern with *, got {}{}",
      in_quotes(selector),
      near.empty() ? std::string() : fmt::format("; did you mean {}?", in_quotes(near))));
}

void read_columns(const Place& place, const DataSpec& data, TransformSpec& out) {
  auto selectors = place.texts();
  if (!selectors) return;
  if (selectors->empty()) place.complain("expected a column, got an empty list");
  for (std::size_t i = 0; i < selectors->size(); ++i) {
    const Place entry = place.is(YamlNode::Kind::list) ? place.item(i) : place;
    check_column(entry, (*selectors)[i], data, out);
  }
  out.columns = std::move(*selectors);
}

void parse_impute(const Place& body, TransformSpec& out) {
  body.read("with", out.impute_with);
  if (!body.has("value")) {
    if (out.impute_with == ImputeWith::constant) {
      body.require("value", "write what takes the place of missing values");
    }
    return;
  }
  body.read("value", out.impute_constant);
  if (body.has("with") && out.impute_with != ImputeWith::constant) {
    body.refuse("value", fmt::format("goes only with constant, not with {}; remove one of the two",
                                     name_of(out.impute_with)));
  }
  out.impute_with = ImputeWith::constant;
}

void parse_clip(const Place& body, TransformSpec& out) {
  body.read("by", out.clip_by);
  out.clip_factor = out.clip_by == ClipBy::iqr ? 1.5 : 3.0;
  body.read("factor", kPositive, out.clip_factor);
}

void parse_boundaries(const Place& place, TransformSpec& out) {
  if (!place.is(YamlNode::Kind::list) || place.node().items.empty()) {
    place.complain_expected("a list of numbers");
    return;
  }
  for (std::size_t i = 0; i < place.node().items.size(); ++i) {
    const auto boundary = place.item(i).number(kAnyNumber);
    if (!boundary) return;
    if (!out.boundaries.empty() && *boundary <= out.boundaries.back()) {
      place.item(i).complain("expected boundaries in rising order, each above the one before");
      return;
    }
    out.boundaries.push_back(*boundary);
  }
}

void parse_bucketize(const Place& body, TransformSpec& out) {
  body.read("bins", WholeRange{.low = 2, .high = 65536}, out.bins);
  if (body.has("boundaries")) parse_boundaries(body.at("boundaries"), out);
  if (body.has("bins") && body.has("boundaries")) {
    body.refuse("boundaries", "bins says how many quantiles, boundaries says where; remove one");
  }
  if (!body.has("bins") && !body.has("boundaries")) {
    body.require("bins", "write bins: N for quantiles, or boundaries: [...]");
  }
  if (body.has("as")) {
    const Place as = body.at("as");
    const auto text = as.text();
    if (text && *text != "one_hot" && *text != "keys") as.complain_expected("one_hot or keys");
    out.bucketize_as_sparse = text && *text == "keys";
  }
  body.read("output", out.output);
  if (body.has("output") && !out.bucketize_as_sparse) {
    body.refuse("output", "names a group of keys; add as: keys, or remove it");
  }
}

// "3" for exactly three characters, "[3, 5]" for three to five.
void parse_characters(const Place& place, TransformSpec& out) {
  constexpr WholeRange kLengths{.low = 1, .high = 16};
  std::array<std::uint64_t, 2> lengths{};
  if (place.is(YamlNode::Kind::list) && place.node().items.size() == 2) {
    for (std::size_t i = 0; i < 2; ++i) {
      const auto length = place.item(i).whole(kLengths);
      if (!length) return;
      lengths[i] = *length;
    }
  } else if (place.is(YamlNode::Kind::list)) {
    place.complain_expected("a whole number, or the least and the most, such as [3, 5]");
    return;
  } else {
    const auto length = place.whole(kLengths);
    if (!length) return;
    lengths = {*length, *length};
  }
  if (lengths[0] > lengths[1]) {
    place.complain(
        fmt::format("expected the least before the most, got [{}, {}]", lengths[0], lengths[1]));
    return;
  }
  out.character_ngrams_min = static_cast<std::uint32_t>(lengths[0]);
  out.character_ngrams_max = static_cast<std::uint32_t>(lengths[1]);
}

void parse_tokenize(const Place& body, TransformSpec& out) {
  body.read("words", WholeRange{.high = 8}, out.word_ngrams_max);
  if (body.has("characters")) parse_characters(body.at("characters"), out);
  body.read("buckets", WholeRange{}, out.buckets);
  body.read("min_count", WholeRange{.low = 1}, out.min_count);
  body.read("lowercase", out.lowercase);
  body.read("output", out.output);
  if (out.word_ngrams_max == 0 && !body.has("characters")) {
    body.at("words").complain("words: 0 leaves no token; add characters, such as [3, 5]");
  }
}

// What is special to a kind; columns are common to all.
void parse_fields(const Place& body, TransformSpec& out) {
  switch (out.kind) {
    case TransformKind::impute:
      return parse_impute(body, out);
    case TransformKind::clip:
      return parse_clip(body, out);
    case TransformKind::scale:
      if (!body.require("factor", "write the factor, such as 1/255")) return;
      body.read("factor", kAnyNumber, out.factor);
      if (out.factor == 0.0) body.at("factor").complain_expected("a factor other than 0");
      return;
    case TransformKind::one_hot:
      return body.read("min_count", WholeRange{.low = 1}, out.min_count);
    case TransformKind::hash:
      body.read("buckets", WholeRange{}, out.buckets);
      return body.read("output", out.output);
    case TransformKind::bucketize:
      return parse_bucketize(body, out);
    case TransformKind::tokenize:
      return parse_tokenize(body, out);
    case TransformKind::drop_duplicates:
    case TransformKind::standardize:
    case TransformKind::min_max:
      return;
  }
}

// Transforms of numbers alone work on all of them unless told which.
bool has_default_columns(TransformKind kind) {
  return kind == TransformKind::clip || kind == TransformKind::standardize ||
         kind == TransformKind::min_max || kind == TransformKind::scale;
}

void parse_columns(const Place& body, const DataSpec& data, TransformSpec& out) {
  if (body.has("columns")) {
    read_columns(body.at("columns"), data, out);
  } else if (has_default_columns(out.kind)) {
    out.columns = {"number"};
  } else if (out.kind != TransformKind::drop_duplicates) {
    body.require("columns", "write the columns it works on, such as [age, hours] or category");
  }
}

// What stands without a field's name is the columns: "- standardize: [age, hours]".
std::vector<std::string_view> short_transform_fields() {
  std::vector<std::string_view> fields;
  for (const EnumName<TransformKind>& entry : names_of<TransformKind>()) {
    fields.push_back(entry.value == TransformKind::scale ? "factor" : "columns");
  }
  return fields;
}

void parse_transform(const Place& place, const DataSpec& data, std::vector<TransformSpec>& out) {
  const auto variant =
      place.variant("a transform", words_of<TransformKind>(), short_transform_fields());
  if (!variant) return;
  TransformSpec transform;
  transform.kind = names_of<TransformKind>()[variant->choice].value;
  transform.line = place.node().mark.line;
  const Place body = variant->place();
  if (!body.check_fields()) return;
  parse_fields(body, transform);
  parse_columns(body, data, transform);
  out.push_back(std::move(transform));
}

}  // namespace

void parse_features(const Place& features, const DataSpec& data, std::vector<TransformSpec>& out) {
  if (features.is(YamlNode::Kind::null)) return;
  if (!features.is(YamlNode::Kind::list)) {
    features.complain_expected("a list of transforms, each behind a dash, such as - standardize");
    return;
  }
  for (std::size_t i = 0; i < features.node().items.size(); ++i) {
    parse_transform(features.item(i), data, out);
  }
}

}  // namespace ballast
