#include <gtest/gtest.h>

#include <string>

#include "tests/unit/data/fixtures.h"
#include "worker/data/idx.h"

namespace ballast {
namespace {

// ---- LibSVM -----------------------------------------------------------------------------------

Spec libsvm_spec() {
  Spec spec;
  spec.data.format = DataFormat::libsvm;
  spec.data.label = "label";
  return spec;
}

// "1:0.5 3:2" per row.
Cells entries_of(const Table& table) {
  Cells rows;
  for (const Block& block : table.blocks) {
    std::uint64_t entry = 0;
    for (const std::uint64_t end : block.sparse.ends) {
      std::string row;
      for (; entry < end; ++entry) {
        char text[64];
        std::snprintf(text, sizeof text, "%s%u:%g", row.empty() ? "" : " ",
                      block.sparse.indices[entry], static_cast<double>(block.sparse.values[entry]));
        row += text;
      }
      rows.push_back(row);
    }
  }
  return rows;
}

TEST(LibSvm, ReadsSparseRows) {
  const char* text =
      "-1 3:1 11:0.5 # a comment 7:7\n+1 1:-2e1\t4:1 \r\n\n# nothing here\n2.5\n1 4294967295:1";
  for (const std::size_t chunk_bytes : {std::size_t{1}, std::size_t{10}, std::size_t{1} << 20}) {
    const auto table =
        read_texts(libsvm_spec(), {text}, {.threads = 2, .chunk_bytes = chunk_bytes});
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_EQ(cells_of(*table, "label"), (Cells{"-1", "1", "2.5", "1"}));
    EXPECT_EQ(entries_of(*table), (Cells{"3:1 11:0.5", "1:-20 4:1", "", "4294967295:1"}));
    EXPECT_EQ(table->dimension, 4294967295U);
    EXPECT_EQ(table->blocks.back().lines.back(), 6U);
  }
}

TEST(LibSvm, PassesOverLinesThatBeginAsACommentDoes) {
  Spec spec = libsvm_spec();
  spec.data.comment = "%";
  for (const std::size_t chunk_bytes : {std::size_t{1}, std::size_t{1} << 20}) {
    const auto table = read_texts(spec, {"% made by hand\n1 1:1\n%\n-1 2:1 # % 3:1\n"},
                                  {.chunk_bytes = chunk_bytes});
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_EQ(entries_of(*table), (Cells{"1:1", "2:1"}));
    EXPECT_EQ(table->blocks.back().lines.back(), 4U);
  }
}

TEST(LibSvm, SaysWhatIsWrongWithARow) {
  struct Case {
    const char* name;
    const char* text;
    const char* message;
  };
  const Case cases[] = {
      {"no label", "1 1:1\n3:1 4:1\n",
       "a.csv:2:1: expected a label in column \"label\", but there is none; add it, take the row "
       "out, or set data.on_bad_row: skip"},
      {"label is no number", "spam 1:1\n",
       "a.csv:1:1: expected a number in column \"label\", saw \"spam\"; correct it, list it under "
       "data.missing, or read the column as a category"},
      {"no colon", "1 1:1 7\n", "a.csv:1:7: expected index:value, saw \"7\"; correct the row"},
      {"ranking data", "1 qid:3 1:1\n",
       "a.csv:1:3: expected index:value, saw \"qid:3\"; correct the row"},
      {"index 0", "1 0:1\n",
       "a.csv:1:3: expected indices from 1, saw \"0:1\"; add 1 to every index"},
      {"not increasing", "1 1:1 5:1 5:2\n",
       "a.csv:1:11: expected increasing indices, saw \"5:2\" after 5; sort the row and give each "
       "index once"},
      {"index too large", "1 4294967296:1\n",
       "a.csv:1:3: expected an index below 2^32, saw \"4294967296:1\"; renumber the features"},
      {"value is no number", "1 1:x\n",
       "a.csv:1:3: expected a finite number behind the colon, saw \"1:x\"; correct the row"},
      {"value is NaN", "1 1:nan\n",
       "a.csv:1:3: expected a finite number behind the colon, saw \"1:nan\"; correct the row"},
      {"value beyond float", "1 1:1e39\n",
       "a.csv:1:3: expected a finite number behind the colon, saw \"1:1e39\"; correct the row"},
      {"beyond the dimension", "1 1:1\n1 9:1\n",
       "a.csv:2:3: expected indices up to 8 (data.libsvm.dimension), saw \"9:1\"; raise the "
       "dimension or correct the row"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Spec spec = libsvm_spec();
    if (std::string_view(c.name) == "beyond the dimension") spec.data.libsvm_dimension = 8;
    const auto table = read_texts(spec, {c.text});
    ASSERT_FALSE(table);
    EXPECT_EQ(table.error().message, c.message);
  }
}

TEST(LibSvm, SkipsBadRowsWhole) {
  Spec spec = libsvm_spec();
  spec.data.on_bad_row = BadRow::skip;
  const auto table = read_texts(spec, {"1 1:1\n1 2:1 2:1\n-1 3:1 x\n-1 4:1\n"});
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(entries_of(*table), (Cells{"1:1", "4:1"}));
  EXPECT_EQ(cells_of(*table, "label"), (Cells{"1", "-1"}));
  EXPECT_EQ(table->rows_skipped, 2U);
}

TEST(LibSvm, DenseRowsHaveAColumnPerIndex) {
  Spec spec = libsvm_spec();
  spec.data.libsvm_dense = true;
  const auto train = read_texts(spec, {"1 1:5\n-1 3:7\n"});
  ASSERT_TRUE(train) << train.error().message;
  EXPECT_EQ(cells_of(*train, "feature_1"), (Cells{"5", "0"}));
  EXPECT_EQ(cells_of(*train, "feature_2"), (Cells{"0", "0"}));
  EXPECT_EQ(cells_of(*train, "feature_3"), (Cells{"0", "7"}));
  // What training never saw has no weight, so it is left out.
  const auto test = read_texts(spec, {"1 2:1 4:9\n"}, {}, &*train);
  ASSERT_TRUE(test) << test.error().message;
  EXPECT_EQ(cells_of(*test, "feature_2"), (Cells{"1"}));
  EXPECT_FALSE(find_column(*test, "feature_4").has_value());
}

TEST(LibSvm, DenseRowsAreNotMadeForWildIndices) {
  struct Case {
    const char* name;
    std::uint32_t dimension;
    const char* text;
    const char* message;
  };
  const Case cases[] = {
      {"an index that nobody meant", 0, "1 1:5\n1 2:1 65537:1 4294967295:2\n",
       "data.libsvm.dense: expected indices up to 65536, saw 4294967295 in a.csv:2; remove dense, "
       "so that rows stay sparse, or correct the row"},
      {"a dimension that nobody meant", 65537, "1 1:5\n",
       "data.libsvm.dense: expected indices up to 65536, but data.libsvm.dimension is 65537; "
       "remove "
       "dense, so that rows stay sparse, or lower the dimension"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Spec spec = libsvm_spec();
    spec.data.libsvm_dense = true;
    spec.data.libsvm_dimension = c.dimension;
    for (const std::size_t chunk_bytes : {std::size_t{1}, std::size_t{1} << 20}) {
      const auto table = read_texts(spec, {c.text}, {.chunk_bytes = chunk_bytes});
      ASSERT_FALSE(table);
      EXPECT_EQ(table.error().message, c.message);
    }
  }
}

// ---- JSON lines -------------------------------------------------------------------------------

Spec jsonl_spec(std::vector<ColumnSpec> columns = {}) {
  Spec spec = csv_spec(std::move(columns));
  spec.data.format = DataFormat::jsonl;
  return spec;
}

const std::vector<ColumnSpec> kJsonColumns = {
    {"n", ColumnType::number}, {"t", ColumnType::text}, {"y", ColumnType::category}};

TEST(JsonLines, ReadsMembersByName) {
  const char* text =
      "{\"n\": 1.5, \"t\": \"a\\n\\u4eba \\\"x\\\"\", \"y\": \"p\"}\n"
      "\n"
      "{\"y\": 3, \"other\": {\"n\": [1, {\"y\": 2}]}, \"t\": null, \"n\": true}\r\n"
      "{\"y\": false, \"n\": \"-7\"}\n";
  for (const std::size_t chunk_bytes : {std::size_t{1}, std::size_t{1} << 20}) {
    const auto table = read_texts(jsonl_spec(kJsonColumns), {text}, {.chunk_bytes = chunk_bytes});
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_EQ(cells_of(*table, "n"), (Cells{"1.5", "1", "-7"}));
    EXPECT_EQ(cells_of(*table, "t"), (Cells{"a\n人 \"x\"", "-", "-"}));
    EXPECT_EQ(cells_of(*table, "y"), (Cells{"p", "3", "false"}));
  }
}

TEST(JsonLines, NamesComeFromTheFirstObject) {
  const auto table = read_texts(
      jsonl_spec(), {"{\"b\": 2, \"a\": \"x\", \"y\": \"p\"}\n{\"y\": \"q\", \"b\": 4}\n"});
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(table->columns[0].name, "b");
  EXPECT_EQ(table->columns[0].type, ColumnType::number);
  EXPECT_EQ(table->columns[1].type, ColumnType::category);
  EXPECT_EQ(cells_of(*table, "a"), (Cells{"x", "-"}));
}

TEST(JsonLines, SaysWhatIsWrongWithALine) {
  struct Case {
    const char* name;
    const char* text;
    const char* message;
  };
  const Case cases[] = {
      {"not JSON", "{\"n\": 1, \"y\": \"p\"}\n{\"n\": 1,, \"y\": 2}\n",
       "a.csv:2:9: expected JSON, saw \", \"y\": 2}\"; write one object per line"},
      {"cut off", "{\"n\": 1\n",
       "a.csv:1:8: expected JSON, saw the end of the line; write one object per line"},
      {"a list", "[1, 2]\n",
       "a.csv:1:1: expected an object, saw \"[1, 2]\"; write one object per line"},
      {"a number", "17\n", "a.csv:1:1: expected an object, saw \"17\"; write one object per line"},
      {"no number", "{\"y\": 1, \"n\": \"x\"}\n",
       "a.csv:1:10: expected a number in column \"n\", saw \"x\"; correct it, list it under "
       "data.missing, or read the column as a category"},
      {"a list in a cell", "{\"y\": 1, \"n\": [1]}\n",
       "a.csv:1:10: expected a number or a text in \"n\", saw a list; flatten it, or do not list "
       "it "
       "in data.columns"},
      {"twice", "{\"y\": 1, \"n\": 1, \"n\": 2}\n",
       "a.csv:1:10: expected each member once, saw \"n\" again; keep one"},
      {"no label", "{\"n\": 1}\n",
       "a.csv:1:1: expected a label in column \"y\", but there is none; add it, take the row out, "
       "or set data.on_bad_row: skip"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto table = read_texts(jsonl_spec(kJsonColumns), {c.text});
    ASSERT_FALSE(table);
    EXPECT_EQ(table.error().message, c.message);
  }
}

TEST(JsonLines, AnUnknownMemberIsAFaultWhereNoColumnsAreListed) {
  const auto table =
      read_texts(jsonl_spec(), {"{\"n\": 2, \"y\": \"p\"}\n{\"y\": \"q\", \"m\": 4}\n"});
  ASSERT_FALSE(table);
  EXPECT_EQ(
      table.error().message,
      "a.csv:2:12: expected the members of the first object, saw \"m\"; give every object the "
      "same, or list data.columns");
}

TEST(JsonLines, TheFirstObjectOfTheSplitNamesTheColumns) {
  struct Case {
    const char* name;
    BadRow on_bad_row;
    std::vector<std::string_view> files;
    Cells a;
    const char* message;
  };
  const Case cases[] = {
      {"of a later file, where the first is blank",
       BadRow::stop,
       {" \n\n", "{\"a\": 1, \"y\": 2}\n"},
       {"1"},
       ""},
      {"a line that is no object ends the read",
       BadRow::stop,
       {"[1]\n{\"x\": 1}\n", "{\"a\": 1, \"y\": 2}\n"},
       {},
       "a.csv:1:1: expected an object, saw \"[1]\"; write one object per line"},
      {"as does one that is cut off",
       BadRow::stop,
       {"{\"a\": 1,\n{\"a\": 2, \"y\": 2}\n"},
       {},
       "a.csv:1:9: expected JSON, saw the end of the line; write one object per line"},
      {"or holds a number beyond 64 bits",
       BadRow::stop,
       {"{\"a\": 1e999, \"y\": 2}\n"},
       {},
       "a.csv:1:7: expected a number that 64 bits can hold, saw \"1e999\"; correct it"},
      {"or is skipped like any other",
       BadRow::skip,
       {"[1]\n{\"a\": 1,\n{\"a\": 2, \"y\": 2}\n{\"a\": 3, \"y\": 2}\n"},
       {"2", "3"},
       ""},
      {"an object without members",
       BadRow::stop,
       {"{}\n{}\n"},
       {},
       "data.label: there is no column \"y\" in a.csv; there are no columns"},
      {"the file at fault is named",
       BadRow::stop,
       {"\n", "{\"x\": 1}\n"},
       {},
       "data.label: there is no column \"y\" in b.csv; the columns are \"x\""},
      {"no object at all",
       BadRow::skip,
       {"[1]\n", "2\n"},
       {},
       "data.train: expected at least one example in a.csv, b.csv, saw none, since all 2 rows were "
       "skipped, the first because of a.csv:1:1: expected an object, saw \"[1]\"; write one object "
       "per line"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    for (const std::size_t chunk_bytes : {std::size_t{1}, std::size_t{1} << 20}) {
      Spec spec = jsonl_spec();
      spec.data.on_bad_row = c.on_bad_row;
      const auto table = read_texts(spec, c.files, {.chunk_bytes = chunk_bytes});
      EXPECT_EQ(table ? "" : table.error().message, c.message);
      if (table) {
        EXPECT_EQ(cells_of(*table, "a"), c.a);
      }
    }
  }
}

TEST(JsonLines, SkipsBadLinesWhole) {
  Spec spec = jsonl_spec(kJsonColumns);
  spec.data.on_bad_row = BadRow::skip;
  const auto table = read_texts(spec, {"{\"n\": 1, \"y\": 1}\n{\"n\": 2, \"y\": 1,}\n{\"n\": 3, "
                                       "\"t\": [], \"y\": 2}\n{\"n\": 4, \"y\": 2}\n"});
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(cells_of(*table, "n"), (Cells{"1", "4"}));
  EXPECT_EQ(table->rows_skipped, 2U);
}

// ---- IDX --------------------------------------------------------------------------------------

std::string idx(std::uint8_t type, std::initializer_list<std::uint32_t> sizes,
                std::string elements) {
  std::string bytes = {0, 0, static_cast<char>(type), static_cast<char>(sizes.size())};
  for (const std::uint32_t size : sizes) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(size >> shift & 0xFF);
  }
  return bytes + elements;
}

Result<Table> read_images(const std::string& images, const std::string& labels,
                          const ReadOptions& options = {}, const Table* like = nullptr) {
  Spec spec;
  spec.data.format = DataFormat::idx;
  spec.data.label = "label";
  SplitFiles split;
  split.field = "data.train";
  split.files.push_back({"images", Bytes::copy(images)});
  if (!labels.empty()) split.labels.push_back({"labels", Bytes::copy(labels)});
  Meter meter(nullptr);
  return read_table(spec, split, like, options, meter);
}

TEST(Idx, ReadsImagesAndLabels) {
  const std::string images = idx(0x08, {3, 1, 2}, "\x01\x02\x03\x04\xFF\x06");
  const std::string labels = idx(0x08, {3}, std::string("\x07\x00\x09", 3));
  for (const std::size_t chunk_bytes : {std::size_t{1}, std::size_t{4}, std::size_t{1} << 20}) {
    const auto table = read_images(images, labels, {.chunk_bytes = chunk_bytes});
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_EQ(cells_of(*table, "label"), (Cells{"7", "0", "9"}));
    EXPECT_EQ(cells_of(*table, "pixel_0"), (Cells{"1", "3", "255"}));
    EXPECT_EQ(cells_of(*table, "pixel_1"), (Cells{"2", "4", "6"}));
  }
}

TEST(Idx, ReadsEveryElementTypeBigEndian) {
  struct Case {
    const char* name;
    std::uint8_t type;
    std::string element;
    double value;
  };
  const Case cases[] = {
      {"u8", 0x08, "\xFE", 254},
      {"i8", 0x09, "\xFE", -2},
      {"i16", 0x0B, std::string("\xFF\x00", 2), -256},
      {"i32", 0x0C, std::string("\x00\x01\x00\x02", 4), 65538},
      {"f32", 0x0D, std::string("\xC0\x20\x00\x00", 4), -2.5},
      {"f64", 0x0E, std::string("\x3F\xF8\x00\x00\x00\x00\x00\x00", 8), 1.5},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto array = read_idx({"x", Bytes::copy(idx(c.type, {1}, c.element))});
    ASSERT_TRUE(array) << array.error().message;
    EXPECT_EQ(idx_numbers(*array, 0, 1), std::vector<double>{c.value});
  }
}

TEST(Idx, SaysWhatIsWrongWithAFile) {
  const std::string labels = idx(0x08, {1}, "\x01");
  struct Case {
    const char* name;
    std::string images;
    std::string labels;
    const char* message;
  };
  const Case cases[] = {
      {"no IDX", "hello world", labels,
       "images: expected an IDX file, which begins with 00 00, an element type (08 for bytes) and "
       "the number of dimensions, saw 68 65 6c 6c; check data.format and the path"},
      {"empty", "", labels,
       "images: expected an IDX file, which begins with 00 00, an element type (08 for bytes) and "
       "the number of dimensions, saw nothing; check data.format and the path"},
      {"unknown type", idx(0x0A, {1}, "\x01"), labels,
       "images: expected an IDX file, which begins with 00 00, an element type (08 for bytes) and "
       "the number of dimensions, saw 00 00 0a 01; check data.format and the path"},
      {"header cut off", std::string("\x00\x00\x08\x03\x00\x00", 6), labels,
       "images: expected 3 dimensions in the header, but the file has only 6 bytes; fetch it "
       "again"},
      {"examples without elements", idx(0x08, {2, 0}, ""), idx(0x08, {2}, std::string("\0\1", 2)),
       "images: expected examples of at least one element, saw a header that promises 2 x 0; fetch "
       "the file again"},
      {"examples too wide",
       idx(0x08, {1, kMatrixWidthMax + 1}, std::string(kMatrixWidthMax + 1, 'a')), labels,
       "images: expected at most 1048576 numbers per example, saw 1048577; use smaller images"},
      {"elements cut off", idx(0x08, {1, 2, 2}, "abc"), labels,
       "images: the header promises 1 x 2 x 2 elements of 1 bytes, but 3 bytes follow; fetch the "
       "file again"},
      {"sizes that overflow", idx(0x08, {0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, "abc"), labels,
       "images: the header promises 4294967295 x 4294967295 x 4294967295 elements of 1 bytes, but "
       "3 "
       "bytes follow; fetch the file again"},
      {"labels of another set", idx(0x08, {2, 1}, "ab"), labels,
       "labels: expected 2 labels, one for each example of images, saw 1; use the files that "
       "belong "
       "together"},
      {"exchanged", labels, idx(0x08, {1, 2}, "ab"),
       "labels: expected one label per example, saw 2; check that images and labels are not "
       "exchanged"},
      {"no labels", idx(0x08, {1, 1}, "a"), "",
       "data.train: expected one label file for each of the 1 image files, saw 0; list them under "
       "labels"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto table = read_images(c.images, c.labels);
    ASSERT_FALSE(table);
    EXPECT_EQ(table.error().message, c.message);
  }
}

TEST(Idx, EverySplitHasImagesOfOneSize) {
  const auto train = read_images(idx(0x08, {1, 2}, "ab"), idx(0x08, {1}, "\x01"));
  ASSERT_TRUE(train);
  const auto test = read_images(idx(0x08, {1, 3}, "abc"), idx(0x08, {1}, "\x01"), {}, &*train);
  ASSERT_FALSE(test);
  EXPECT_EQ(test.error().message,
            "images: expected 2 numbers per example as in the training data, saw 3; use images of "
            "one size");
}

}  // namespace
}  // namespace ballast
