// What users get wrong, and the sentences they read.

#include <gtest/gtest.h>

#include "tests/unit/job/specs.h"

namespace ballast {
namespace {

struct Mistake {
  const char* name;
  std::string yaml;
  const char* message;  // The whole of it, or its beginning where it ends in "...".
};

void expect_message(const Mistake& mistake) {
  SCOPED_TRACE(mistake.name);
  const auto spec = parse_spec(mistake.yaml, "f.yaml");
  ASSERT_FALSE(spec.has_value());
  EXPECT_EQ(spec.error().code, ErrorCode::invalid);
  std::string expected = mistake.message;
  std::string seen = spec.error().message;
  if (expected.ends_with("...")) {
    expected.resize(expected.size() - 3);
    seen = seen.substr(0, expected.size());
  }
  EXPECT_EQ(seen, expected) << spec.error().message;
}

// A spec with one more line, which becomes line 3.
std::string plus(const std::string& line) { return std::string(kSmallSpec) + line + "\n"; }
// A spec with this data section in line 1, or this model in line 2.
std::string data(const std::string& fields) { return "data: {" + fields + "}\nmodel: logistic\n"; }
std::string model(const std::string& model) {
  return "data: {train: a.csv, label: y}\nmodel: " + model + "\n";
}
// A spec whose columns are known, with these transforms from line 4 on.
std::string features(const std::string& transforms) {
  return "data: {train: a.csv, label: y, columns: {age: number, city: category, note: text,\n"
         "       row: skip, y: category}}\nmodel: logistic\nfeatures:\n" +
         transforms + "\n";
}

TEST(Mistakes, OfTheDocument) {
  const Mistake mistakes[] = {
      {"empty", "", "f.yaml:1:1: the spec is empty; it needs at least data and model, see ..."},
      {"only a comment", "# later\n", "f.yaml:1:1: the spec is empty; ..."},
      {"a list", "- data\n", "f.yaml:1:1: expected the fields of a spec, such as data: and ..."},
      {"a text", "hello\n", "f.yaml:1:1: expected the fields of a spec, ..."},
      {"a syntax error", "data: [a\nmodel: x\n", "f.yaml:2:6: expected YAML, but: ..."},
      {"a field twice", plus("model: softmax"),
       "f.yaml:3:1: \"model\" is given twice, first in line 2; remove one"},
      {"no data", "model: logistic\n",
       "f.yaml:1:1: data: missing required field; write where the examples are, as data: "
       "{train: PATH, label: COLUMN}"},
      {"no model", "data: {train: a.csv, label: y}\n",
       "f.yaml:1:1: model: missing required field; write linear, logistic, softmax, or "
       "{layers: [...], loss: ...}"},
      {"misspelt section", plus("trainning: {batch: 3}"),
       "f.yaml:3:1: trainning: unknown field; did you mean training? possible here: name, seed, "
       "data, features, model, optimizer, training, checkpoint, cluster, cross_validation, "
       "search and job"},
      {"a field of a section", plus("batch: 3"),
       "f.yaml:3:1: batch: unknown field, known only as training.batch; possible here: name, ..."},
      {"nothing near", plus("colour: red"),
       "f.yaml:3:1: colour: unknown field; possible here: name, ..."},
      {"seed below zero", plus("seed: -1"),
       "f.yaml:3:7: seed: expected a whole number of 0 or more, got \"-1\""},
      {"seed beyond 64 bits", plus("seed: 18446744073709551616"),
       "f.yaml:3:7: seed: expected a whole number of 0 or more, got \"18446744073709551616\""},
      {"a name with a slash", plus("name: a/b"),
       "f.yaml:3:7: name: expected a name of letters, digits, '.', '_' and '-', at most 100 of "
       "them, that starts with none of '.' and '-', got \"a/b\""},
      {"a name that is a list", plus("name: [a]"),
       "f.yaml:3:7: name: expected a text, got a list of 1"},
      {"a section that is a number", plus("training: 5"),
       "f.yaml:3:11: training: expected a mapping with epochs, steps, batch, ..."},
  };
  for (const Mistake& mistake : mistakes) expect_message(mistake);
}

TEST(Mistakes, AreToldTogetherInTheOrderOfTheFile) {
  expect_message({"several",
                  "model: logistik\nseed: x\ndata: {trian: a.csv, label: y}\ntraining: {lr: 1}\n",
                  "f.yaml:1:8: model: expected linear, logistic, softmax or layers, got "
                  "\"logistik\"; did you mean logistic?\n"
                  "f.yaml:2:7: seed: expected a whole number of 0 or more, got \"x\"\n"
                  "f.yaml:3:8: data.trian: unknown field; did you mean train? possible here: "
                  "format, train, validation, test, header, delimiter, columns, missing, comment, "
                  "label, weight, libsvm, on_bad_row and sha256\n"
                  "f.yaml:4:12: training.lr: unknown field; possible here: ..."});
  std::string many = std::string(kSmallSpec);
  for (int i = 0; i < 30; ++i) many += "zzzzz" + std::to_string(i) + ": 1\n";
  const auto spec = parse_spec(many, "f.yaml");
  ASSERT_FALSE(spec.has_value());
  EXPECT_TRUE(spec.error().message.ends_with("\nf.yaml: and 10 more mistakes"));
}

TEST(Mistakes, OfData) {
  const Mistake mistakes[] = {
      {"no train", data("label: y"),
       "f.yaml:1:7: data.train: missing required field; write the path of the training examples"},
      {"no label", data("train: a.csv"),
       "f.yaml:1:7: data.label: missing required field; write the name of the column to predict"},
      {"no extension", data("train: adult.data.gz, label: y"),
       "f.yaml:1:15: data.train: expected an extension that tells the format, got "
       "\"adult.data.gz\"; add data.format: csv, tsv, libsvm, idx or jsonl"},
      {"unknown format", data("format: cvs, train: a.csv, label: y"),
       "f.yaml:1:16: data.format: expected csv, tsv, libsvm, idx or jsonl, got \"cvs\"; did you "
       "mean csv?"},
      {"no paths", data("train: [], label: y"),
       "f.yaml:1:15: data.train: expected a path, got an empty list"},
      {"an empty path", data("train: '', format: csv, label: y"),
       "f.yaml:1:15: data.train: expected a path, got an empty text"},
      {"a path in a path", data("train: [[a.csv]], format: csv, label: y"),
       "f.yaml:1:16: data.train.0: expected a text, got a list of 1"},
      {"validation above one", data("train: a.csv, label: y, validation: 1.5"),
       "f.yaml:1:44: data.validation: expected a number between 0 and 1, got \"1.5\""},
      {"validation of nothing", data("train: a.csv, label: y, validation: 0"),
       "f.yaml:1:44: data.validation: expected a number between 0 and 1, got \"0\""},
      {"images of csv", data("train: {images: a, labels: b}, format: csv, label: y"),
       "f.yaml:1:15: data.train: images and labels are only for the format idx, this is csv; "
       "write a path"},
      {"idx without labels", data("train: a.idx"),
       "f.yaml:1:15: data.train: idx keeps images and labels apart; write {images: PATH, labels: "
       "PATH}"},
      {"labels missing", data("train: {images: a}"),
       "f.yaml:1:15: data.train.labels: missing required field; write the path of the IDX file of "
       "labels"},
      {"fewer labels than images", data("train: {images: [a, b], labels: c}"),
       "f.yaml:1:40: data.train.labels: expected one path of labels for each of the 2 paths of "
       "images, got 1"},
      {"two characters between cells", data("train: a.csv, label: y, delimiter: '::'"),
       "f.yaml:1:43: data.delimiter: expected one character that is no quote and no line end, or "
       "tab, got \"::\""},
      {"a delimiter of tsv", data("train: a.tsv, label: y, delimiter: ';'"),
       "f.yaml:1:43: data.delimiter: tsv has tabs between its cells; remove this, or write format: "
       "csv"},
      {"a header of JSON lines", data("train: a.jsonl, label: y, header: false"),
       "f.yaml:1:42: data.header: only for csv and tsv, this is jsonl; remove it"},
      {"columns of libsvm", data("train: a.svm, columns: {x: number}"),
       "f.yaml:1:31: data.columns: only for csv, tsv and jsonl, this is libsvm; remove it"},
      {"libsvm of csv", data("train: a.csv, label: y, libsvm: {dense: true}"),
       "f.yaml:1:40: data.libsvm: only for the format libsvm, this is csv; remove it"},
      {"a label of libsvm", data("train: a.svm, label: y"),
       "f.yaml:1:29: data.label: libsvm has no columns, its label is called \"label\"; remove "
       "this"},
      {"yes for true", data("train: a.csv, label: y, header: yes"),
       "f.yaml:1:40: data.header: expected true or false, got \"yes\""},
      {"an unknown type", data("train: a.csv, label: y, columns: {x: numeric, y: number}"),
       "f.yaml:1:45: data.columns.x: expected number, category, text or skip, got \"numeric\"; did "
       "you mean number?"},
      {"a column without type", data("train: a.csv, label: y, columns: [x, y: number]"),
       "f.yaml:1:42: data.columns.0: expected a column and its type, such as {age: number}, got "
       "\"x\""},
      {"a column twice", data("train: a.csv, label: y, columns: [y: number, y: text]"),
       "f.yaml:1:56: data.columns.1.y: this column is listed twice; remove one"},
      {"a label that is no column",
       data("train: a.csv, label: incom, header: false, columns: {income: category}"),
       "f.yaml:1:29: data.label: expected one of data.columns, got \"incom\"; did you mean "
       "\"income\"?"},
      {"a label that is text", data("train: a.csv, label: y, columns: {y: text}"),
       "f.yaml:1:29: data.label: the label is a column of type text; make it a number or a "
       "category"},
      {"a class twice", data("train: a.csv, label: {column: y, classes: [a, b, a]}"),
       "f.yaml:1:50: data.label.classes: a class is listed twice; remove one"},
      {"one class", data("train: a.csv, label: {column: y, classes: [a]}"),
       "f.yaml:1:50: data.label.classes: expected at least two classes, got a list of 1"},
      {"no label's column", data("train: a.csv, label: {classes: [a, b]}"),
       "f.yaml:1:29: data.label.column: missing required field; write the name of the column to "
       "predict"},
      {"weights of libsvm", data("train: a.svm, weight: w"),
       "f.yaml:1:30: data.weight: libsvm has no column that could hold weights; use csv, tsv or "
       "jsonl, or remove it"},
      {"weights by label", data("train: a.csv, label: y, weight: y"),
       "f.yaml:1:40: data.weight: \"y\" is the label; name another column"},
      {"weights of no column",
       data("train: a.csv, label: y, header: false, columns: {y: category, wt: number}, weight: w"),
       "f.yaml:1:91: data.weight: expected one of data.columns, got \"w\"..."},
      {"weights that are words",
       data("train: a.csv, label: y, columns: {y: category, w: category}, weight: w"),
       "f.yaml:1:77: data.weight: weights are numbers, and \"w\" is a column of type category; "
       "make "
       "it a number"},
      {"weights without a name", data("train: a.csv, label: y, weight: ''"),
       "f.yaml:1:40: data.weight: expected a column's name, got an empty text"},
      {"an address of no known scheme", data("train: 'ftp://h/a.csv', label: y"),
       "f.yaml:1:15: data.train: expected http://HOST/PATH, https://HOST/PATH or s3://BUCKET/KEY, "
       "got \"ftp://h/a.csv\": this scheme is not known"},
      {"a prefix in place of an object", data("format: csv, train: 's3://b/data/', label: y"),
       "f.yaml:1:28: data.train: expected an object or a pattern, got the prefix "
       "\"s3://b/data/\"; write s3://b/data/*"},
      {"a digest of nothing", data("train: 'https://h/a.csv', label: y, sha256: {b.csv: aa}"),
       "f.yaml:1:60: data.sha256.b.csv: expected an address that data names, got \"b.csv\""},
      {"a digest that is none",
       data("train: 's3://b/*.csv', label: y, sha256: {'s3://b/a.csv': AA}"), "f.yaml:1:66: ..."},
      {"bad rows are dropped", data("train: a.csv, label: y, on_bad_row: drop"),
       "f.yaml:1:44: data.on_bad_row: expected stop or skip, got \"drop\"; did you mean stop?"},
  };
  for (const Mistake& mistake : mistakes) expect_message(mistake);
}

TEST(Mistakes, OfFeatures) {
  const Mistake mistakes[] = {
      {"no list", plus("features: {standardize: age}"),
       "f.yaml:3:11: features: expected a list of transforms, each behind a dash, such as - "
       "standardize, got a mapping with \"standardize\""},
      {"an unknown transform", features("  - normalise: age"),
       "f.yaml:5:5: features.0.normalise: unknown field; possible here: drop_duplicates, ..."},
      {"an unknown transform by name", features("  - standardise"),
       "f.yaml:5:5: features.0: expected a transform, one of drop_duplicates, impute, clip, "
       "standardize, min_max, scale, one_hot, hash, bucketize and tokenize, got \"standardise\"; "
       "did you mean standardize?"},
      {"two in one", features("  - impute: age\n    standardize: age"),
       "f.yaml:5:5: features.0: expected a transform alone, got \"impute\" and \"standardize\" "
       "together; indent what belongs to the first, or make two of it"},
      {"an unknown column", features("  - standardize: [aeg]"),
       "f.yaml:5:19: features.0.standardize.columns.0: expected a column of data.columns, number, "
       "category, text or a pattern with *, got \"aeg\"; did you mean \"age\"?"},
      {"a column of another type", features("  - standardize: city"),
       "f.yaml:5:18: features.0.standardize.columns: standardize works on columns of type number, "
       "\"city\" is of type category"},
      {"a mean of words", features("  - impute: city"),
       "f.yaml:5:13: features.0.impute.columns: impute works on columns of type number, \"city\" "
       "is of type category"},
      {"the label", features("  - one_hot: y"),
       "f.yaml:5:14: features.0.one_hot.columns: the label \"y\" is what the model predicts; a "
       "transform may not turn it into a feature"},
      {"a column that is skipped", features("  - one_hot: row"),
       "f.yaml:5:14: features.0.one_hot.columns: one_hot works on columns of type number, category "
       "or text, \"row\" is of type skip"},
      {"no columns", features("  - one_hot"),
       "f.yaml:5:5: features.0.one_hot.columns: missing required field; write the columns it works "
       "on, such as [age, hours] or category"},
      {"an empty list of columns", features("  - standardize: []"),
       "f.yaml:5:18: features.0.standardize.columns: expected a column, got an empty list"},
      {"constant without value", features("  - impute: {columns: age, with: constant}"),
       "f.yaml:5:13: features.0.impute.value: missing required field; write what takes the place "
       "of missing values"},
      {"value without constant", features("  - impute: {columns: age, with: mean, value: 3}"),
       "f.yaml:5:47: features.0.impute.value: goes only with constant, not with mean; remove one "
       "of the two"},
      {"no factor", features("  - scale: {columns: age}"),
       "f.yaml:5:12: features.0.scale.factor: missing required field; write the factor, such as "
       "1/255"},
      {"a factor of zero", features("  - scale: 0"),
       "f.yaml:5:12: features.0.scale.factor: expected a factor other than 0, got \"0\""},
      {"a fraction by zero", features("  - scale: 1/0"),
       "f.yaml:5:12: features.0.scale.factor: expected a number, got \"1/0\""},
      {"bins and boundaries", features("  - bucketize: {columns: age, bins: 3, boundaries: [1]}"),
       "f.yaml:5:52: features.0.bucketize.boundaries: bins says how many quantiles, boundaries "
       "says where; remove one"},
      {"neither", features("  - bucketize: {columns: age}"),
       "f.yaml:5:16: features.0.bucketize.bins: missing required field; write bins: N for "
       "quantiles, or boundaries: [...]"},
      {"falling boundaries", features("  - bucketize: {columns: age, boundaries: [1, 3, 3]}"),
       "f.yaml:5:50: features.0.bucketize.boundaries.2: expected boundaries in rising order, each "
       "above the one before"},
      {"output of one_hot", features("  - bucketize: {columns: age, bins: 3, output: x}"),
       "f.yaml:5:48: features.0.bucketize.output: names a group of keys; add as: keys, or remove "
       "it"},
      {"no tokens", features("  - tokenize: {columns: note, words: 0}"),
       "f.yaml:5:38: features.0.tokenize.words: words: 0 leaves no token; add characters, such as "
       "[3, 5]"},
      {"characters backwards", features("  - tokenize: {columns: note, characters: [5, 3]}"),
       "f.yaml:5:43: features.0.tokenize.characters: expected the least before the most, got "
       "[5, 3]"},
      {"buckets beyond 32 bits", features("  - hash: {columns: city, buckets: 4294967296}"),
       "f.yaml:5:36: features.0.hash.buckets: expected a whole number from 0 to 4294967295, got "
       "\"4294967296\""},
      {"a field of another transform", features("  - one_hot: {columns: city, buckets: 3}"),
       "f.yaml:5:30: features.0.one_hot.buckets: unknown field, known only as "
       "features[].hash.buckets and features[].tokenize.buckets; possible here: columns and "
       "min_count"},
  };
  for (const Mistake& mistake : mistakes) expect_message(mistake);
}

TEST(Mistakes, OfModels) {
  const Mistake mistakes[] = {
      {"unknown", model("mlp"),
       "f.yaml:2:8: model: expected linear, logistic, softmax or layers, got \"mlp\""},
      {"layers alone", model("layers"),
       "f.yaml:2:8: model: expected the list of layers, as model: {layers: [...], loss: ...}, got "
       "\"layers\""},
      {"none", model("{loss: huber}"),
       "f.yaml:2:8: model: expected a model: linear, logistic, softmax, or layers: [...], got a "
       "mapping with \"loss\""},
      {"two", model("{linear: , softmax: }"),
       "f.yaml:2:19: model.softmax: this is a second model beside linear; remove one"},
      {"linear with cross_entropy", model("{linear: , loss: cross_entropy}"),
       "f.yaml:2:25: model.loss: linear is trained with mean_squared_error or huber, got "
       "cross_entropy; change one of the two"},
      {"softmax with a loss for two", model("{softmax: , loss: binary_cross_entropy}"),
       "f.yaml:2:26: model.loss: softmax is trained with cross_entropy or focal, got "
       "binary_cross_entropy; change one of the two"},
      {"no loss", model("{layers: [dense: 1]}"),
       "f.yaml:2:8: model.loss: missing required field; write cross_entropy or focal for classes, "
       "..."},
      {"no layers", model("{layers: [], loss: huber}"),
       "f.yaml:2:17: model.layers: expected a list of layers, each behind a dash, such as - "
       "{dense: 64}, got an empty list"},
      {"unknown loss", model("{layers: [dense: 1], loss: mse}"),
       "f.yaml:2:35: model.loss: expected a loss, one of cross_entropy, binary_cross_entropy, "
       "focal, binary_focal, mean_squared_error and huber, got \"mse\""},
      {"an unknown layer", model("{layers: [dens: 5, dense: 2], loss: cross_entropy}"),
       "f.yaml:2:18: model.layers.0.dens: unknown field; did you mean dense? possible here: ..."},
      {"no width", model("{layers: [dense], loss: huber}"),
       "f.yaml:2:18: model.layers.0.dense.width: missing required field; write the number of "
       "outputs"},
      {"width zero", model("{layers: [dense: 0, dense: 1], loss: huber}"),
       "f.yaml:2:25: model.layers.0.dense.width: expected a whole number from 1 to 1048576, got "
       "\"0\""},
      {"width of a half", model("{layers: [dense: 1.5, dense: 1], loss: huber}"),
       "f.yaml:2:25: model.layers.0.dense.width: expected a whole number from 1 to 1048576, got "
       "\"1.5\""},
      {"dropout of all", model("{layers: [dropout: 1, dense: 1], loss: huber}"),
       "f.yaml:2:27: model.layers.0.dropout.rate: expected a number from 0 up to but not 1, got "
       "\"1\""},
      {"a width of relu", model("{layers: [relu: 5, dense: 1], loss: huber}"),
       "f.yaml:2:24: model.layers.0.relu: expected nothing here, got \"5\""},
      {"embedding behind dense", model("{layers: [dense: 4, embedding: 4, dense: 1], loss: huber}"),
       "f.yaml:2:28: model.layers.1: embedding reads the data, not another layer; move it in front "
       "of all layers that are no embeddings"},
      {"a name twice",
       model("{layers: [dense: {width: 4, name: a}, dense: {width: 1, name: a}], loss: huber}"),
       "f.yaml:2:46: model.layers.1: another layer, in line 2, is called \"a\" too; give one of "
       "them another name"},
      {"the name of a later layer",
       model("{layers: [dense: {width: 4, name: dense_1}, dense: 1], loss: huber}"),
       "f.yaml:2:52: model.layers.1: another layer, in line 2, is called \"dense_1\" too; give one "
       "of them another name"},
      {"a name with a dot", model("{layers: [dense: {width: 1, name: a.b}], loss: huber}"),
       "f.yaml:2:42: model.layers.0.dense.name: expected a name of letters, digits, _ and -, got "
       "\"a.b\""},
      {"ends with relu", model("{layers: [dense: 4, relu], loss: cross_entropy}"),
       "f.yaml:2:28: model.layers.1: the last layer gives the outputs and must be dense, got relu; "
       "the loss applies softmax or sigmoid itself"},
      {"one output for classes", model("{layers: [dense: 1], loss: cross_entropy}"),
       "f.yaml:2:18: model.layers.0: cross_entropy needs one output per class, got a last layer of "
       "width 1; write the number of classes, or loss: binary_cross_entropy"},
      {"focal with a number", model("{linear: , loss: focal}"),
       "f.yaml:2:25: model.loss: linear is trained with mean_squared_error or huber, got focal; "
       "change one of the two"},
      {"focal for many with two classes", model("{logistic: , loss: focal}"),
       "f.yaml:2:27: model.loss: logistic is trained with binary_cross_entropy or binary_focal, "
       "got "
       "focal; change one of the two"},
      {"one output for focal", model("{layers: [dense: 1], loss: focal}"),
       "f.yaml:2:18: model.layers.0: focal needs one output per class, got a last layer of width "
       "1; "
       "write the number of classes, or loss: binary_focal"},
      {"a gamma below zero", model("{softmax: , loss: {focal: {gamma: -1}}}"),
       "f.yaml:2:42: model.loss.focal.gamma: expected a number from 0 to 100, got \"-1\""},
      {"an alpha of one", model("{logistic: , loss: {binary_focal: {alpha: 1}}}"),
       "f.yaml:2:50: model.loss.binary_focal.alpha: expected a number between 0 and 1, got \"1\""},
      {"one alpha for many classes", model("{softmax: , loss: {focal: {alpha: 0.25}}}"),
       "f.yaml:2:42: model.loss.focal.alpha: expected a list with a number for each class, such as "
       "[0.2, 1, 1], got \"0.25\""},
      {"an alpha of zero", model("{softmax: , loss: {focal: {alpha: [1, 0]}}}"),
       "f.yaml:2:46: model.loss.focal.alpha.1: expected a number above 0, got \"0\""},
      {"two outputs for a number", model("{layers: [dense: 2], loss: huber}"),
       "f.yaml:2:18: model.layers.0: huber needs one output, got a last layer of width 2; write "
       "{dense: 1}"},
  };
  for (const Mistake& mistake : mistakes) expect_message(mistake);
}

TEST(Mistakes, OfTraining) {
  const Mistake mistakes[] = {
      {"unknown optimizer", plus("optimizer: sdg"),
       "f.yaml:3:12: optimizer: expected an optimizer, one of sgd, adagrad, adam, adamw, rmsprop "
       "and ftrl, got \"sdg\"; did you mean sgd?"},
      {"two optimizers", plus("optimizer: {adam: , sgd: }"),
       "f.yaml:3:12: optimizer: expected an optimizer alone, got \"adam\" and \"sgd\" together; "
       "..."},
      {"momentum on adam", plus("optimizer: {adam: {momentum: 0.9}}"),
       "f.yaml:3:20: optimizer.adam.momentum: unknown field, known only as optimizer.sgd.momentum "
       "and optimizer.rmsprop.momentum; possible here: learning_rate, beta1, beta2, epsilon, l2, "
       "decay_bias and schedule"},
      {"weight_decay on adam", plus("optimizer: {adam: {weight_decay: 0.9}}"),
       "f.yaml:3:20: optimizer.adam.weight_decay: unknown field, known only as "
       "optimizer.adamw.weight_decay; ..."},
      {"lr", plus("optimizer: {adam: {lr: 0.9}}"),
       "f.yaml:3:20: optimizer.adam.lr: unknown field; did you mean learning_rate? ..."},
      {"the optimizer is a list", plus("optimizer: [adam]"),
       "f.yaml:3:12: optimizer: expected an optimizer, one of ..."},
      {"a rate of zero", plus("optimizer: {adam: {learning_rate: 0}}"),
       "f.yaml:3:35: optimizer.adam.learning_rate: expected a number above 0, got \"0\""},
      {"a rate in quotes", plus("optimizer: {adam: {learning_rate: '0.1'}}"),
       "f.yaml:3:35: optimizer.adam.learning_rate: expected a number above 0, got the text "
       "\"0.1\"; remove the quotes"},
      {"a rate that is no number", plus("optimizer: {adam: {learning_rate: nan}}"),
       "f.yaml:3:35: optimizer.adam.learning_rate: expected a number above 0, got \"nan\""},
      {"an infinite rate", plus("optimizer: {adam: {learning_rate: .inf}}"),
       "f.yaml:3:35: optimizer.adam.learning_rate: expected a number above 0, got \".inf\""},
      {"nesterov alone", plus("optimizer: {sgd: {nesterov: true}}"),
       "f.yaml:3:29: optimizer.sgd.nesterov: nesterov needs momentum; add momentum: 0.9, or remove "
       "it"},
      {"an unknown schedule", plus("optimizer: {adam: {schedule: cosin}}"),
       "f.yaml:3:30: optimizer.adam.schedule: expected a schedule, one of constant, step, cosine, "
       "linear and inverse_sqrt, got \"cosin\"; did you mean cosine?"},
      {"a misspelt warm-up", plus("optimizer: {adam: {schedule: {cosine: {warmup: 3}}}}"),
       "f.yaml:3:40: optimizer.adam.schedule.cosine.warmup: unknown field; did you mean "
       "warmup_steps? possible here: final_factor and warmup_steps"},
      {"steps of no length", plus("optimizer: {adam: {schedule: step}}"),
       "f.yaml:3:30: optimizer.adam.schedule.step.every: missing required field; write after how "
       "many steps the rate falls"},
      {"more epochs than are counted", plus("training: {epochs: 1e31}"),
       "f.yaml:3:20: training.epochs: expected a number above 0 and at most 1e+30, got \"1e31\""},
      {"more steps than are counted", plus("training: {steps: 18446744073709551615}"),
       "f.yaml:3:19: training.steps: expected a whole number from 1 to 1000000000000000, got "
       "\"18446744073709551615\""},
      {"epochs and steps", plus("training: {epochs: 1, steps: 5}"),
       "f.yaml:3:30: training.steps: epochs says how long to train already; remove one of the two"},
      {"a batch of none", plus("training: {batch: 0}"),
       "f.yaml:3:19: training.batch: expected a whole number from 1 to 16777216, got \"0\""},
      {"three leaves", plus("training: {leaves: 3}"),
       "f.yaml:3:20: training.leaves: expected a power of two (1, 2, 4, 8, ...), got 3; gradients "
       "are added along a tree"},
      {"more leaves than examples", plus("training: {batch: 4, leaves: 8}"),
       "f.yaml:3:30: training.leaves: expected at most as many leaves as the batch has examples, "
       "4, got 8"},
      {"early stop without validation", plus("training: {early_stop: accuracy}"),
       "f.yaml:3:24: training.early_stop: early_stop watches the validation split, and there is "
       "none; add data.validation, such as 0.1"},
      {"early stop by another task's metric",
       "data: {train: a.csv, label: y, validation: 0.1}\nmodel: logistic\n"
       "training: {early_stop: {metric: rmse}}\n",
       "f.yaml:3:33: training.early_stop.metric: expected a metric of binary, one of loss, "
       "accuracy, "
       "balanced_accuracy, precision, recall, f1, f0.5, f2, matthews, kappa, roc_auc, log_loss, "
       "average_precision, normalized_entropy, brier_score, calibration_error and youden, got "
       "\"rmse\""},
      {"an unknown consistency", plus("training: {consistency: asinc}"),
       "f.yaml:3:25: training.consistency: expected a consistency mode, one of synchronous, "
       "bounded "
       "and async, got \"asinc\"; did you mean async?"},
      {"async with early stop",
       "data: {train: a.csv, label: y, validation: 0.1}\nmodel: logistic\n"
       "training: {consistency: async, early_stop: accuracy}\n",
       "f.yaml:3:44: training.early_stop: early stop watches evaluations of one version, which "
       "only "
       "synchronous training has; remove this, or training.consistency: async"},
      {"bounded with clipping", plus("training: {consistency: bounded, clip_norm: 1}"),
       "f.yaml:3:45: training.clip_norm: the norm of a step's gradient is known in synchronous "
       "training alone; remove this, or training.consistency: bounded"},
      {"async with replicas", plus("training: {consistency: async}\ncluster: {replicas: 1}"),
       "f.yaml:4:21: cluster.replicas: replicas are kept in synchronous training alone; remove "
       "this, or training.consistency: async"},
      {"async with a log of steps",
       plus("training: {consistency: async}\ncluster: {durability: step}"),
       "f.yaml:4:23: cluster.durability: only synchronous training has steps to log; remove this, "
       "or training.consistency: async"},
      {"async with divergence", plus("training: {consistency: async, diverged_above: 3}"),
       "f.yaml:3:48: training.diverged_above: the loss of a step is known in synchronous training "
       "alone; remove this, or training.consistency: async"},
      {"a checkpoint by days", plus("checkpoint: {every_seconds: 1d}"),
       "f.yaml:3:29: checkpoint.every_seconds: expected a duration such as 500ms, 10s or 2m, 0 or "
       "more and at most a year in seconds, got \"1d\""},
      {"a store that is a directory", plus("checkpoint: {store: /mnt/store}"),
       "f.yaml:3:21: checkpoint.store: expected s3://BUCKET/PREFIX, got \"/mnt/store\"; without it "
       "checkpoints are kept in the output directory"},
      {"a store that is a whole bucket", plus("checkpoint: {store: s3://bucket}"),
       "f.yaml:3:21: checkpoint.store: expected s3://BUCKET/PREFIX, got \"s3://bucket\"..."},
      {"none kept", plus("checkpoint: {keep: 0}"),
       "f.yaml:3:20: checkpoint.keep: expected a whole number from 1 to 1000, got \"0\""},
      {"no partitions", plus("cluster: {partitions: 0}"),
       "f.yaml:3:23: cluster.partitions: expected a whole number from 1 to 65536, got \"0\""},
      {"an unknown kernel", plus("cluster: {kernel: skylake}"),
       "f.yaml:3:19: cluster.kernel: expected auto, haswell, zen, skylakex, cooperlake or "
       "sapphirerapids, got \"skylake\"; did you mean skylakex?"},
      {"silence within a heartbeat", plus("cluster: {heartbeat: 8s}"),
       "f.yaml:3:10: cluster: expected at least two heartbeats, 16 s, got 10 s; ..."},
  };
  for (const Mistake& mistake : mistakes) expect_message(mistake);
}

TEST(Mistakes, AcrossSections) {
  const Mistake mistakes[] = {
      {"three classes for two",
       "data: {train: a.csv, label: {column: y, classes: [a, b, c]}}\n"
       "model: logistic\n",
       "f.yaml:1:50: data.label.classes: logistic tells two classes apart, got 3; use softmax"},
      {"classes of a number",
       "data: {train: a.csv, label: {column: y, classes: [a, b]}}\n"
       "model: linear\n",
       "f.yaml:1:50: data.label.classes: linear predicts a number, which has no classes; remove "
       "this, or choose another model"},
      {"another number of outputs",
       "data: {train: a.csv, label: {column: y, classes: [a, b, c]}}\n"
       "model: {layers: [dense: 2], loss: cross_entropy}\n",
       "f.yaml:2:18: model.layers.0: expected one output for each of the 3 classes, got a last "
       "layer of width 2"},
      {"weights of a number's classes",
       "data: {train: a.csv, label: y}\nmodel: linear\ntraining: {class_weights: balanced}\n",
       "f.yaml:3:27: training.class_weights: linear predicts a number, which has no classes; "
       "remove "
       "this, or weigh the examples by data.weight"},
      {"a weight of no class",
       "data: {train: a.csv, label: {column: y, classes: [no, yes]}}\nmodel: logistic\n"
       "training: {class_weights: {no: 1, yess: 9}}\n",
       "f.yaml:3:41: training.class_weights.yess: expected one of data.label.classes, got "
       "\"yess\"; "
       "did you mean \"yes\"?"},
      {"a weight below zero", plus("training: {class_weights: {a: -1}}"),
       "f.yaml:3:31: training.class_weights.a: expected a number of 0 or more, got \"-1\""},
      {"class weights that are a word", plus("training: {class_weights: equal}"),
       "f.yaml:3:27: training.class_weights: expected none, balanced, or classes and their "
       "weights, "
       "such as {yes: 10}, got \"equal\""},
      {"class weights of nothing", plus("training: {class_weights: {}}"),
       "f.yaml:3:27: training.class_weights: expected at least one class and its weight, got ..."},
      {"a threshold of many classes",
       "data: {train: a.csv, label: y, validation: 0.1}\nmodel: softmax\n"
       "training: {threshold: f1}\n",
       "f.yaml:3:23: training.threshold: a threshold tells the classes of a binary model apart, "
       "and "
       "softmax takes the likeliest class; remove this"},
      {"a threshold of a number",
       "data: {train: a.csv, label: y, validation: 0.1}\nmodel: linear\n"
       "training: {threshold: f1}\n",
       "f.yaml:3:23: training.threshold: a threshold tells the classes of a binary model apart, "
       "and "
       "linear predicts a number; remove this"},
      {"a threshold without validation", plus("training: {threshold: f1}"),
       "f.yaml:3:23: training.threshold: the threshold is chosen on the validation split, and "
       "there "
       "is none; add data.validation, such as 0.1"},
      {"a threshold by what has none",
       "data: {train: a.csv, label: y, validation: 0.1}\nmodel: logistic\n"
       "training: {threshold: roc_auc}\n",
       "f.yaml:3:23: training.threshold: expected f1, balanced_accuracy, accuracy, youden or "
       "matthews, got \"roc_auc\"..."},
      {"a category to predict as a number",
       "data: {train: a.csv, label: y, columns: {x: number, y: category}}\nmodel: linear\n",
       "f.yaml:1:29: data.label: mean_squared_error predicts a number, and the label \"y\" is a "
       "column of type category"},
  };
  for (const Mistake& mistake : mistakes) expect_message(mistake);
}

TEST(Mistakes, OfCrossValidation) {
  const auto cv = [](const std::string& fields) {
    return plus("cross_validation: {" + fields + "}");
  };
  const Mistake mistakes[] = {
      {"a misspelt field", cv("fold: 3"),
       "f.yaml:3:20: cross_validation.fold: unknown field; did you mean folds? possible here: "
       "split, ..."},
      {"an unknown split", cv("split: kfold"),
       "f.yaml:3:27: cross_validation.split: expected k_fold, stratified, grouped, "
       "stratified_grouped, leave_one_group_out, shuffled, stratified_shuffled, expanding, sliding "
       "or given, got \"kfold\"; did you mean k_fold?"},
      {"one fold", cv("folds: 1"),
       "f.yaml:3:27: cross_validation.folds: expected a whole number from 2 to 10000, got \"1\""},
      {"no group", cv("split: grouped"),
       "f.yaml:3:19: cross_validation.group: missing required field; write the column that grouped "
       "splits by"},
      {"an empty group", cv("split: grouped, group: ''"),
       "f.yaml:3:43: cross_validation.group: expected a column's name, got an empty text"},
      {"a group of k_fold", cv("split: k_fold, group: x"),
       "f.yaml:3:42: cross_validation.group: goes only with grouped, stratified_grouped and "
       "leave_one_group_out, not with k_fold; remove one of the two"},
      {"a gap without time", cv("gap: 3"),
       "f.yaml:3:25: cross_validation.gap: goes only with expanding and sliding, not with "
       "stratified; remove one of the two"},
      {"a window that expands", cv("split: expanding, time: t, window: 3"),
       "f.yaml:3:55: cross_validation.window: goes only with sliding, not with expanding; remove "
       "one of the two"},
      {"a fraction of folds", cv("fraction: 0.5"),
       "f.yaml:3:30: cross_validation.fraction: goes only with shuffled and stratified_shuffled, "
       "not with stratified; remove one of the two"},
      {"all for validation", cv("split: shuffled, fraction: 1"),
       "f.yaml:3:47: cross_validation.fraction: expected a number between 0 and 1, got \"1\""},
      {"folds that are given", cv("split: given, column: x, folds: 3"),
       "f.yaml:3:52: cross_validation.folds: the data says how many folds given has; remove this"},
      {"the past twice", cv("split: expanding, time: t, repeats: 2"),
       "f.yaml:3:56: cross_validation.repeats: expanding draws nothing, so each repetition would "
       "be the same; remove one of the two"},
      {"the same order twice", cv("split: k_fold, shuffle: false, repeats: 2"),
       "f.yaml:3:60: cross_validation.repeats: k_fold without shuffle draws nothing, so each ..."},
      {"too many", cv("folds: 200, repeats: 200"),
       "f.yaml:3:41: cross_validation.repeats: expected at most 10000 splits, got 200 times 200"},
      {"classes of a number",
       "data: {train: a.csv, label: y}\nmodel: linear\ncross_validation: {split: stratified}\n",
       "f.yaml:3:27: cross_validation.split: stratified keeps the shares of classes, and the model "
       "predicts a number; choose k_fold"},
      {"groups of the label", cv("split: grouped, group: y"),
       "f.yaml:3:43: cross_validation.group: \"y\" is the label; name another column"},
      {"a column that there is not",
       data("train: a.csv, label: y, header: false, columns: {user: category, y: category}") +
           "cross_validation: {split: grouped, group: usr}\n",
       "f.yaml:3:43: cross_validation.group: expected one of data.columns, got \"usr\"; did you "
       "mean \"user\"?"},
      {"columns of libsvm",
       "data: {train: a.svm}\nmodel: logistic\ncross_validation: {split: given, column: x}\n",
       "f.yaml:3:42: cross_validation.column: libsvm has no columns; choose a split that needs "
       "none"},
  };
  for (const Mistake& mistake : mistakes) expect_message(mistake);
}

TEST(Mistakes, OfSearch) {
  const auto search = [](const std::string& fields) { return plus("search: {" + fields + "}"); };
  const auto parameters = [&](const std::string& entries) {
    return search("method: random, parameters: {" + entries + "}");
  };
  const Mistake mistakes[] = {
      {"no parameters", search("method: grid"),
       "f.yaml:3:9: search.parameters: missing required field; write what to try, as parameters: "
       "{optimizer.learning_rate: [0.01, 0.1]}"},
      {"none listed", search("parameters: {}"),
       "f.yaml:3:22: search.parameters: expected fields and their values, such as "
       "{optimizer.learning_rate: [0.01, 0.1]}, got an empty mapping"},
      {"an unknown method", search("method: bayes, parameters: {model: [linear]}"),
       "f.yaml:3:18: search.method: expected grid, random, halving or hyperband, got \"bayes\""},
      {"a misspelt parameter", parameters("optimizer.learnin_rate: {uniform: [0, 1]}"),
       "f.yaml:3:39: search.parameters.optimizer.learnin_rate: unknown field; did you mean "
       "optimizer.learning_rate? possible below optimizer: sgd, ..."},
      {"a misspelt section", parameters("trainin.batch: {integer: [1, 2]}"),
       "f.yaml:3:39: search.parameters.trainin.batch: expected a field of features, model, "
       "optimizer or training, such as optimizer.learning_rate; did you mean training? all else is "
       "the same for all configurations"},
      {"other data", parameters("data.validation: {uniform: [0.1, 0.2]}"),
       "f.yaml:3:39: search.parameters.data.validation: expected a field of features, model, "
       "optimizer or training, such as optimizer.learning_rate; all else is the same for all "
       "configurations"},
      {"below a number", parameters("training.batch.size: {integer: [1, 2]}"),
       "f.yaml:3:39: search.parameters.training.batch.size: unknown field; training.batch has no "
       "fields of its own"},
      {"a layer without position", parameters("model.layers.dense: {integer: [1, 2]}"),
       "f.yaml:3:39: search.parameters.model.layers.dense: expected the position of an entry of "
       "model.layers, from 0, got \"dense\""},
      {"a schedule's misspelt field",
       parameters("optimizer.adam.schedule.cosine.warmup: {integer: [1, 2]}"),
       "f.yaml:3:39: search.parameters.optimizer.adam.schedule.cosine.warmup: unknown field; did "
       "you mean optimizer.adam.schedule.cosine.warmup_steps? possible below ..."},
      {"all of training", parameters("training: {choice: [1, 2]}"),
       "f.yaml:3:39: search.parameters.training: expected a field of training, such as "
       "training.batch"},
      {"one value", parameters("training.batch: 5"),
       "f.yaml:3:55: search.parameters.training.batch: expected a list of values, or a range such "
       "as {log_uniform: [0.001, 0.1]}, got \"5\""},
      {"an empty list", parameters("training.batch: []"),
       "f.yaml:3:55: search.parameters.training.batch: expected the values to choose from, such as "
       "[0.01, 0.1], got an empty list"},
      {"a value twice", search("parameters: {training.batch: [1, 2, 1]}"),
       "f.yaml:3:46: search.parameters.training.batch.2: this value is listed twice; remove one"},
      {"nothing as a value", search("parameters: {training.batch: [1, ~]}"),
       "f.yaml:3:43: search.parameters.training.batch.1: expected a value, got nothing; a field "
       "that is absent has its default, which can be written"},
      {"a misspelt range", parameters("training.batch: {integr: [1, 2]}"),
       "f.yaml:3:56: search.parameters.training.batch.integr: unknown field; did you mean integer? "
       "possible here: choice, uniform, log_uniform and integer"},
      {"one end", parameters("training.batch: {integer: [1]}"),
       "f.yaml:3:65: search.parameters.training.batch.integer: expected the least and the most, "
       "such as [64, 512], got a list of 1"},
      {"ends turned around", parameters("optimizer.l2: {uniform: [1, 0.5]}"),
       "f.yaml:3:63: search.parameters.optimizer.l2.uniform: expected the least before the most, "
       "got [1, 0.5]"},
      {"the logarithm of 0", parameters("optimizer.l2: {log_uniform: [0, 1]}"),
       "f.yaml:3:68: search.parameters.optimizer.l2.log_uniform.0: expected a number above 0, got "
       "\"0\""},
      {"half a batch", parameters("training.batch: {integer: [1, 2.5]}"),
       "f.yaml:3:69: search.parameters.training.batch.integer.1: expected a whole number from 0 to "
       "9007199254740992, got \"2.5\""},
      {"a grid of a range", search("parameters: {optimizer.l2: {uniform: [0, 1]}}"),
       "f.yaml:3:37: search.parameters.optimizer.l2: grid tries every combination of listed "
       "values, and uniform is a range; list the values, or choose method: random"},
      {"a grid that counts", search("configurations: 5, parameters: {training.batch: [1, 2]}"),
       "f.yaml:3:26: search.configurations: goes only with random and halving, not with grid; "
       "remove one of the two"},
      {"more than there are", search("method: random, parameters: {training.batch: [1, 2]}"),
       "f.yaml:3:38: search.parameters: these lists make 2 configurations, fewer than the 20 to "
       "draw; choose method: grid, or fewer configurations"},
      {"a metric of another task", search("metric: rmse, parameters: {training.batch: [1, 2]}"),
       "f.yaml:3:18: search.metric: expected a metric of binary, one of loss, accuracy, "
       "balanced_accuracy, precision, recall, f1, f0.5, f2, matthews, kappa, roc_auc, log_loss, "
       "average_precision, normalized_entropy, brier_score, calibration_error and youden, got "
       "\"rmse\""},
      {"nothing to halve",
       plus("training: {steps: 100}\nsearch: {method: halving, steps_min: 50, parameters: "
            "{optimizer.l2: {uniform: [0, 1]}}}"),
       "f.yaml:4:38: search.steps_min: expected at most 33 steps, training.steps divided by "
       "search.reduction, got 50; there would be nothing to compare before the end"},
      {"halving what is not evaluated",
       plus("training: {consistency: async}\nsearch: {method: hyperband, parameters: "
            "{optimizer.l2: {uniform: [0, 1]}}}"),
       "f.yaml:4:18: search.method: hyperband compares runs midway, and with "
       "training.consistency: async nothing is evaluated before the end; choose grid or random"},
      {"a standard error of one",
       plus("cross_validation: {split: shuffled, folds: 1}\nsearch: {choose: one_standard_error, "
            "parameters: {training.batch: [1, 2]}}"),
       "f.yaml:4:18: search.choose: a standard error takes two splits, and cross_validation has "
       "one; add repeats or folds, or choose best"},
      {"an inner split", search("nested: {split: grouped}, parameters: {training.batch: [1, 2]}"),
       "f.yaml:3:18: search.nested.group: missing required field; write the column that grouped "
       "splits by"},
      {"a column that the inner split has no use for",
       search("nested: {group: city}, parameters: {training.batch: [1, 2]}"),
       "f.yaml:3:26: search.nested.group: goes only with grouped, stratified_grouped and "
       "leave_one_group_out, not with stratified; remove one of the two"},
      {"an inner standard error of one",
       search("choose: one_standard_error, nested: {split: shuffled, folds: 1}, parameters: "
              "{training.batch: [1, 2]}"),
       "f.yaml:3:18: search.choose: a standard error takes two splits, and search.nested has one; "
       "add repeats or folds, or choose best"},
      {"nobody works", plus("job: {workers_per_run: 0}"),
       "f.yaml:3:24: job.workers_per_run: expected a whole number from 1 to 10000, got \"0\""},
      {"a budget of days", plus("job: {seconds: 1d}"),
       "f.yaml:3:16: job.seconds: expected a duration such as 500ms, 10s or 2m, 0 or more and at "
       "most a year in seconds, got \"1d\""},
  };
  for (const Mistake& mistake : mistakes) expect_message(mistake);
}

}  // namespace
}  // namespace ballast
