#pragma once

// Small sources of every format on disk, with all that a table can hold: what is packed must come
// back from each of them.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/data/fixtures.h"

namespace ballast {

struct FormatCase {
  const char* name;
  Spec spec;
  std::vector<std::string> keep;
};

// Rows with a number, a category, a text, a column that is no feature, and a label; now and then
// something is missing, and every fifth row equals the one before it.
inline std::string mixed_rows(int first, int count) {
  std::string text = "n,c,t,user,y\n";
  for (int i = first; i < first + count; ++i) {
    const std::int64_t row = i % 5 == 4 ? i - 1 : i;
    const std::string number = row % 7 == 3 ? "" : std::to_string(row * 31 % 1009) + ".25";
    const std::string category = row % 11 == 5 ? "" : "kind" + std::to_string(row * row % 6);
    text += number + "," + category + ",\"words " + std::to_string(row % 13) +
            "\nof \xE6\x88\x91\",u" + std::to_string(row % 9) + "," +
            (row % 3 == 0 ? "spam\n" : "ham\n");
  }
  return text;
}

inline Spec spec_in(const TestDirectory& files, DataFormat format) {
  Spec spec;
  spec.directory = files.path();
  spec.seed = 3;
  spec.data.format = format;
  spec.data.label = "label";
  spec.data.validation_fraction = 0.3;
  spec.model.task = Task::binary;
  return spec;
}

inline FormatCase csv_case(const TestDirectory& files) {
  files.write("mixed.csv", mixed_rows(0, 200) + "1,kind1,t,u1,eggs\nx,kind1,t,u1,ham\n");
  files.write("more.csv", mixed_rows(200, 40));
  files.write("test.csv", mixed_rows(1000, 20));
  Spec spec = spec_in(files, DataFormat::csv);
  spec.data.train.paths = {"mixed.csv", "more.csv"};
  spec.data.test.paths = {"test.csv"};
  spec.data.columns = {{"n", ColumnType::number},
                       {"c", ColumnType::category},
                       {"t", ColumnType::text},
                       {"y", ColumnType::category}};
  spec.data.label = "y";
  spec.data.classes = {"ham", "spam"};
  spec.data.on_bad_row = BadRow::skip;
  TransformSpec impute = transform(TransformKind::impute, {"n"});
  impute.impute_with = ImputeWith::median;
  TransformSpec one_hot = transform(TransformKind::one_hot, {"c"});
  one_hot.min_count = 20;
  TransformSpec tokenize = transform(TransformKind::tokenize, {"t"});
  tokenize.min_count = 5;
  spec.features = {transform(TransformKind::drop_duplicates), impute,
                   transform(TransformKind::standardize, {"n"}), one_hot, tokenize};
  return {"csv", spec, {"user"}};
}

inline FormatCase inferred_csv_case(const TestDirectory& files) {
  files.write("inferred.csv", mixed_rows(0, 120));
  Spec spec = spec_in(files, DataFormat::csv);
  spec.data.train.paths = {"inferred.csv"};
  spec.data.label = "y";
  TransformSpec bucketize = transform(TransformKind::bucketize, {"n"});
  bucketize.bins = 4;
  spec.features = {bucketize, transform(TransformKind::hash, {"c", "user"}),
                   transform(TransformKind::tokenize, {"t"})};
  return {"inferred csv", spec, {"user"}};
}

inline FormatCase regression_case(const TestDirectory& files) {
  std::string text = "n\tm\ty\n";
  for (int i = 0; i < 30; ++i) {
    text += std::to_string(i * i % 17) + "\t" + std::to_string(i) + "e-3\t" +
            (i == 4 ? "" : std::to_string(i % 5) + ".125") + "\n";
  }
  files.write("target.tsv", text);
  Spec spec = spec_in(files, DataFormat::tsv);
  spec.data.train.paths = {"target.tsv"};
  spec.data.label = "y";
  spec.data.on_bad_row = BadRow::skip;
  spec.model.task = Task::regression;
  spec.features = {transform(TransformKind::min_max, {"n"})};
  return {"regression", spec, {}};
}

inline FormatCase jsonl_case(const TestDirectory& files) {
  std::string text;
  for (int i = 0; i < 40; ++i) {
    text += "{\"n\": " + (i % 5 == 1 ? "null" : std::to_string(i * 7 % 23)) +
            ", \"c\": \"r\\u00e9d" + std::to_string(i % 3) + "\", \"when\": " + std::to_string(i) +
            "e2, \"y\": \"" + (i % 2 == 0 ? "a" : "b") + "\"}\n";
  }
  files.write("rows.jsonl", text);
  files.write("test.jsonl", "{\"n\": 3, \"c\": \"x\", \"y\": \"a\"}\n");
  Spec spec = spec_in(files, DataFormat::jsonl);
  spec.data.train.paths = {"rows.jsonl"};
  spec.data.test.paths = {"test.jsonl"};
  spec.data.columns = {{"n", ColumnType::number},
                       {"when", ColumnType::skip},
                       {"c", ColumnType::category},
                       {"y", ColumnType::category}};
  spec.data.label = "y";
  spec.features = {transform(TransformKind::impute, {"n"}),
                   transform(TransformKind::one_hot, {"c"})};
  return {"jsonl", spec, {"when"}};
}

// The rows of another case, with how much each counts in a column of their own.
inline FormatCase weighted_csv_case(const TestDirectory& files) {
  std::string text = "w,n,y\n";
  for (int i = 0; i < 90; ++i) {
    text += std::to_string(i % 7 * 0.1) + "," + std::to_string(i * i % 23) + "," +
            (i % 4 == 0 ? "yes\n" : "no\n");
  }
  files.write("weighted.csv", text + "-1,4,yes\nheavy,4,no\n,4,no\n");
  files.write("weighted.test.csv", "y,w,n\nyes,2.5,1\nno,0,2\n");
  Spec spec = spec_in(files, DataFormat::csv);
  spec.data.train.paths = {"weighted.csv"};
  spec.data.test.paths = {"weighted.test.csv"};
  spec.data.label = "y";
  spec.data.weight = "w";
  spec.data.on_bad_row = BadRow::skip;
  spec.features = {transform(TransformKind::standardize, {"number"})};
  return {"weighted csv", spec, {}};
}

inline FormatCase weighted_jsonl_case(const TestDirectory& files) {
  FormatCase weighted = jsonl_case(files);
  std::string text;
  for (int i = 0; i < 40; ++i) {
    text += "{\"n\": " + std::to_string(i * 7 % 23) + ", \"c\": \"" + std::to_string(i % 3) +
            "\", \"when\": " + std::to_string(i) + ", \"w\": " + std::to_string(i % 6) +
            ".5, \"y\": \"" + (i % 2 == 0 ? "a" : "b") + "\"}\n";
  }
  files.write("weighted.jsonl", text);
  files.write("weighted.test.jsonl", "{\"w\": 3, \"n\": 3, \"c\": \"x\", \"y\": \"a\"}\n");
  weighted.name = "weighted jsonl";
  weighted.spec.data.train.paths = {"weighted.jsonl"};
  weighted.spec.data.test.paths = {"weighted.test.jsonl"};
  weighted.spec.data.weight = "w";
  return weighted;
}

inline FormatCase libsvm_case(const TestDirectory& files, bool dense) {
  std::string text;
  for (int i = 1; i <= 30; ++i) {
    text += std::string(i % 3 == 0 ? "+1" : "-1") +
            (i % 4 == 0 ? "" : " " + std::to_string(i % 7 + 1) + ":0.5") +
            " 9:" + std::to_string(i) + "\n";
  }
  files.write("rows.svm", text);
  files.write("test.svm", "-1 3:1 12:4\n+1\n");
  Spec spec = spec_in(files, DataFormat::libsvm);
  spec.data.train.paths = {"rows.svm"};
  spec.data.test.paths = {"test.svm"};
  spec.data.libsvm_dense = dense;
  TransformSpec scale = transform(TransformKind::scale, {"*"});
  scale.factor = 0.25;
  spec.features = {scale};
  if (dense) spec.features.push_back(transform(TransformKind::standardize, {"*"}));
  return {dense ? "dense libsvm" : "libsvm", spec, {}};
}

// Two files of images, one of bytes and one of 32-bit floats.
inline FormatCase idx_case(const TestDirectory& files) {
  std::string bytes("\0\0\x08\x02\0\0\0\x14\0\0\0\x03", 12);
  std::string labels("\0\0\x08\x01\0\0\0\x14", 8);
  for (int i = 0; i < 20; ++i) {
    for (int pixel = 0; pixel < 3; ++pixel) bytes += static_cast<char>(i * 11 + pixel);
    labels += static_cast<char>(i % 2);
  }
  files.write("bytes.idx", bytes);
  files.write("labels.idx", labels);
  files.write("floats.idx", std::string("\0\0\x0D\x02\0\0\0\x02\0\0\0\x03", 12) +
                                std::string("?\0\0\0@\0\0\0@@\0\0\0\0\0\0A\0\0\0?@\0\0", 24));
  files.write("two.idx", std::string("\0\0\x08\x01\0\0\0\x02\1\0", 10));
  Spec spec = spec_in(files, DataFormat::idx);
  spec.data.train = {{"bytes.idx", "floats.idx"}, {"labels.idx", "two.idx"}};
  spec.data.test = {{"bytes.idx"}, {"labels.idx"}};
  TransformSpec scale = transform(TransformKind::scale, {"*"});
  scale.factor = 1.0 / 255;
  spec.features = {scale, transform(TransformKind::standardize, {"*"})};
  return {"idx", spec, {}};
}

inline std::vector<FormatCase> format_cases(const TestDirectory& files) {
  return {csv_case(files),   inferred_csv_case(files),  regression_case(files),
          jsonl_case(files), libsvm_case(files, false), libsvm_case(files, true),
          idx_case(files),   weighted_csv_case(files),  weighted_jsonl_case(files)};
}

// Small blocks are what makes folding statistics over blocks matter; a block is a mebibyte of text.
inline FormatCase large_case(const TestDirectory& files) {
  FormatCase large = csv_case(files);
  files.write("large.csv", mixed_rows(0, 90000));
  large.name = "several blocks";
  large.spec.data.train.paths = {"large.csv"};
  return large;
}

}  // namespace ballast
