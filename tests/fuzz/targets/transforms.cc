// Fitted transforms, as they stand in model.json and job.json, and what `predict` does with them:
// they are applied to rows of every format.
//
// Input: the JSON.

#include <string>

#include "common/base/check.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/scratch.h"
#include "tests/fuzz/target.h"
#include "worker/data/pipeline.h"
#include "worker/data/prepare.h"

namespace ballast::fuzz {
namespace {

// Rows of each format, which go with the seeds of this target.
class Rows {
 public:
  Rows() {
    csv_ = directory_.put("rows.csv",
                          "age,city,review,flag,y\n31,Oslo,\"So, so good\",a,no\n,Lima,,b,yes\n"
                          "-1e3,,bad 我,,\n");
    jsonl_ = directory_.put("rows.jsonl",
                            "{\"age\": 31, \"city\": \"Oslo\", \"review\": \"good\"}\n"
                            "{\"age\": null, \"flag\": true, \"y\": \"no\"}\n");
    libsvm_ = directory_.put("rows.libsvm", "1 1:0.5 3:2\n-1 2:1\n0\n");
    idx_ = directory_.put("rows.idx", std::string_view("\0\0\x08\x03\0\0\0\x02\0\0\0\x02\0\0\0\x02"
                                                       "abcdefgh",
                                                       24));
  }

  [[nodiscard]] const std::string& of(DataFormat format) const {
    switch (format) {
      case DataFormat::jsonl:
        return jsonl_;
      case DataFormat::libsvm:
        return libsvm_;
      case DataFormat::idx:
        return idx_;
      default:
        return csv_;
    }
  }

 private:
  const Scratch directory_;
  std::string csv_;
  std::string jsonl_;
  std::string libsvm_;
  std::string idx_;
};

void check_shape(const Dataset& dataset) {
  for (std::uint64_t example = 0; example < dataset.examples(Split::test); ++example) {
    BALLAST_CHECK(dataset.dense(Split::test, example).size() == dataset.schema().dense.size());
    for (std::uint32_t group = 0; group < dataset.schema().sparse_groups.size(); ++group) {
      const Bag bag = dataset.bag(Split::test, example, group);
      BALLAST_CHECK(bag.values.empty() || bag.values.size() == bag.keys.size());
    }
  }
}

}  // namespace

BALLAST_FUZZ_TARGET(transforms, bytes) {
  static const Rows rows;
  const std::string json(Input(bytes).rest());
  const auto pipeline = pipeline_from_json(json);
  if (!pipeline) return Verdict::refused;
  const auto again = pipeline_from_json(to_json(*pipeline));
  BALLAST_CHECK(again.has_value());
  BALLAST_CHECK(to_json(*again) == to_json(*pipeline));

  const auto encoder = Encoder::create(json);
  BALLAST_CHECK(encoder.has_value());
  Verdict verdict = Verdict::refused;
  for (const DataFormat format :
       {DataFormat::csv, DataFormat::jsonl, DataFormat::libsvm, DataFormat::idx}) {
    Spec spec;
    spec.data.format = format;
    spec.data.label = "y";
    spec.data.libsvm_dense = pipeline->matrix_width > 0;
    const auto dataset = (*encoder)->encode(spec, {rows.of(format)});
    if (!dataset) continue;
    check_shape(**dataset);
    verdict = Verdict::accepted;
  }
  return verdict;
}

}  // namespace ballast::fuzz
