#include "common/job/names.h"

namespace ballast {

template <>
std::span<const EnumName<DataFormat>> names_of() {
  static constexpr EnumName<DataFormat> names[] = {
      {DataFormat::csv, "csv"}, {DataFormat::tsv, "tsv"},     {DataFormat::libsvm, "libsvm"},
      {DataFormat::idx, "idx"}, {DataFormat::jsonl, "jsonl"},
  };
  return names;
}

template <>
std::span<const EnumName<ColumnType>> names_of() {
  static constexpr EnumName<ColumnType> names[] = {
      {ColumnType::number, "number"},
      {ColumnType::category, "category"},
      {ColumnType::text, "text"},
      {ColumnType::skip, "skip"},
  };
  return names;
}

template <>
std::span<const EnumName<BadRow>> names_of() {
  static constexpr EnumName<BadRow> names[] = {{BadRow::stop, "stop"}, {BadRow::skip, "skip"}};
  return names;
}

template <>
std::span<const EnumName<TransformKind>> names_of() {
  static constexpr EnumName<TransformKind> names[] = {
      {TransformKind::drop_duplicates, "drop_duplicates"},
      {TransformKind::impute, "impute"},
      {TransformKind::clip, "clip"},
      {TransformKind::standardize, "standardize"},
      {TransformKind::min_max, "min_max"},
      {TransformKind::scale, "scale"},
      {TransformKind::one_hot, "one_hot"},
      {TransformKind::hash, "hash"},
      {TransformKind::bucketize, "bucketize"},
      {TransformKind::tokenize, "tokenize"},
  };
  return names;
}

template <>
std::span<const EnumName<ImputeWith>> names_of() {
  static constexpr EnumName<ImputeWith> names[] = {
      {ImputeWith::mean, "mean"},
      {ImputeWith::median, "median"},
      {ImputeWith::most_frequent, "most_frequent"},
      {ImputeWith::constant, "constant"},
  };
  return names;
}

template <>
std::span<const EnumName<ClipBy>> names_of() {
  static constexpr EnumName<ClipBy> names[] = {{ClipBy::iqr, "iqr"}, {ClipBy::z_score, "z_score"}};
  return names;
}

template <>
std::span<const EnumName<LayerKind>> names_of() {
  static constexpr EnumName<LayerKind> names[] = {
      {LayerKind::dense, "dense"},
      {LayerKind::relu, "relu"},
      {LayerKind::sigmoid, "sigmoid"},
      {LayerKind::tanh, "tanh"},
      {LayerKind::gelu, "gelu"},
      {LayerKind::dropout, "dropout"},
      {LayerKind::layer_norm, "layer_norm"},
      {LayerKind::embedding, "embedding"},
      {LayerKind::embedding_bag, "embedding_bag"},
  };
  return names;
}

template <>
std::span<const EnumName<Combine>> names_of() {
  static constexpr EnumName<Combine> names[] = {
      {Combine::mean, "mean"},
      {Combine::sum, "sum"},
      {Combine::sqrt_n, "sqrt_n"},
  };
  return names;
}

template <>
std::span<const EnumName<Initializer>> names_of() {
  static constexpr EnumName<Initializer> names[] = {
      {Initializer::zeros, "zeros"},           {Initializer::uniform_fan_in, "uniform_fan_in"},
      {Initializer::he_uniform, "he_uniform"}, {Initializer::glorot_uniform, "glorot_uniform"},
      {Initializer::normal, "normal"},
  };
  return names;
}

template <>
std::span<const EnumName<ModelKind>> names_of() {
  static constexpr EnumName<ModelKind> names[] = {
      {ModelKind::linear, "linear"},
      {ModelKind::logistic, "logistic"},
      {ModelKind::softmax, "softmax"},
      {ModelKind::layers, "layers"},
  };
  return names;
}

template <>
std::span<const EnumName<LossKind>> names_of() {
  static constexpr EnumName<LossKind> names[] = {
      {LossKind::cross_entropy, "cross_entropy"},
      {LossKind::binary_cross_entropy, "binary_cross_entropy"},
      {LossKind::focal, "focal"},
      {LossKind::binary_focal, "binary_focal"},
      {LossKind::mean_squared_error, "mean_squared_error"},
      {LossKind::huber, "huber"},
  };
  return names;
}

template <>
std::span<const EnumName<Task>> names_of() {
  static constexpr EnumName<Task> names[] = {
      {Task::binary, "binary"},
      {Task::multiclass, "multiclass"},
      {Task::regression, "regression"},
  };
  return names;
}

template <>
std::span<const EnumName<OptimizerKind>> names_of() {
  static constexpr EnumName<OptimizerKind> names[] = {
      {OptimizerKind::sgd, "sgd"},         {OptimizerKind::adagrad, "adagrad"},
      {OptimizerKind::adam, "adam"},       {OptimizerKind::adamw, "adamw"},
      {OptimizerKind::rmsprop, "rmsprop"}, {OptimizerKind::ftrl, "ftrl"},
  };
  return names;
}

template <>
std::span<const EnumName<ScheduleKind>> names_of() {
  static constexpr EnumName<ScheduleKind> names[] = {
      {ScheduleKind::constant, "constant"},
      {ScheduleKind::step, "step"},
      {ScheduleKind::cosine, "cosine"},
      {ScheduleKind::linear, "linear"},
      {ScheduleKind::inverse_sqrt, "inverse_sqrt"},
  };
  return names;
}

template <>
std::span<const EnumName<DurabilityMode>> names_of() {
  static constexpr EnumName<DurabilityMode> names[] = {
      {DurabilityMode::checkpoint, "checkpoint"},
      {DurabilityMode::step, "step"},
  };
  return names;
}

template <>
std::span<const EnumName<Consistency>> names_of() {
  static constexpr EnumName<Consistency> names[] = {
      {Consistency::synchronous, "synchronous"},
      {Consistency::bounded, "bounded"},
      {Consistency::async, "async"},
  };
  return names;
}

template <>
std::span<const EnumName<ThresholdMetric>> names_of() {
  static constexpr EnumName<ThresholdMetric> names[] = {
      {ThresholdMetric::f1, "f1"},
      {ThresholdMetric::balanced_accuracy, "balanced_accuracy"},
      {ThresholdMetric::accuracy, "accuracy"},
      {ThresholdMetric::youden, "youden"},
      {ThresholdMetric::matthews, "matthews"},
  };
  return names;
}

template <>
std::span<const EnumName<Split>> names_of() {
  static constexpr EnumName<Split> names[] = {
      {Split::train, "train"},
      {Split::validation, "validation"},
      {Split::test, "test"},
  };
  return names;
}

template <>
std::span<const EnumName<ThresholdSource>> names_of() {
  static constexpr EnumName<ThresholdSource> names[] = {
      {ThresholdSource::validation, "validation"},
      {ThresholdSource::out_of_fold, "out_of_fold"},
  };
  return names;
}

template <>
std::span<const EnumName<NonFinite>> names_of() {
  static constexpr EnumName<NonFinite> names[] = {
      {NonFinite::stop, "stop"},
      {NonFinite::skip, "skip"},
  };
  return names;
}

template <>
std::span<const EnumName<KernelFamily>> names_of() {
  static constexpr EnumName<KernelFamily> names[] = {
      {KernelFamily::automatic, "auto"},
      {KernelFamily::haswell, "haswell"},
      {KernelFamily::zen, "zen"},
      {KernelFamily::skylakex, "skylakex"},
      {KernelFamily::cooperlake, "cooperlake"},
      {KernelFamily::sapphirerapids, "sapphirerapids"},
  };
  return names;
}

template <>
std::span<const EnumName<SplitKind>> names_of() {
  static constexpr EnumName<SplitKind> names[] = {
      {SplitKind::k_fold, "k_fold"},
      {SplitKind::stratified, "stratified"},
      {SplitKind::grouped, "grouped"},
      {SplitKind::stratified_grouped, "stratified_grouped"},
      {SplitKind::leave_one_group_out, "leave_one_group_out"},
      {SplitKind::shuffled, "shuffled"},
      {SplitKind::stratified_shuffled, "stratified_shuffled"},
      {SplitKind::expanding, "expanding"},
      {SplitKind::sliding, "sliding"},
      {SplitKind::given, "given"},
  };
  return names;
}

template <>
std::span<const EnumName<SearchMethod>> names_of() {
  static constexpr EnumName<SearchMethod> names[] = {
      {SearchMethod::grid, "grid"},
      {SearchMethod::random, "random"},
      {SearchMethod::halving, "halving"},
      {SearchMethod::hyperband, "hyperband"},
  };
  return names;
}

template <>
std::span<const EnumName<ChoiceRule>> names_of() {
  static constexpr EnumName<ChoiceRule> names[] = {
      {ChoiceRule::best, "best"},
      {ChoiceRule::one_standard_error, "one_standard_error"},
  };
  return names;
}

template <>
std::span<const EnumName<ParameterKind>> names_of() {
  static constexpr EnumName<ParameterKind> names[] = {
      {ParameterKind::choice, "choice"},
      {ParameterKind::uniform, "uniform"},
      {ParameterKind::log_uniform, "log_uniform"},
      {ParameterKind::integer, "integer"},
  };
  return names;
}

template <>
std::span<const EnumName<TableKind>> names_of() {
  static constexpr EnumName<TableKind> names[] = {
      {TableKind::dense, "dense"},
      {TableKind::sparse, "sparse"},
  };
  return names;
}

std::vector<std::string_view> watchable_metrics(Task task) {
  if (task == Task::regression) {
    return {"loss", "rmse", "mae",        "median_absolute_error",
            "r2",   "mape", "pinball_10", "pinball_90"};
  }
  std::vector<std::string_view> names = {"loss",
                                         "accuracy",
                                         "balanced_accuracy",
                                         "precision",
                                         "recall",
                                         "f1",
                                         "f0.5",
                                         "f2",
                                         "matthews",
                                         "kappa",
                                         "roc_auc",
                                         "log_loss",
                                         "average_precision",
                                         "normalized_entropy",
                                         "brier_score",
                                         "calibration_error"};
  if (task == Task::binary) {
    names.push_back("youden");
  } else {
    names.insert(
        names.end(),
        {"precision_weighted", "recall_weighted", "f1_weighted", "top_3_accuracy", "top_5_accuracy",
         "roc_auc_weighted", "roc_auc_ovo", "roc_auc_ovo_weighted", "average_precision_weighted"});
  }
  return names;
}

}  // namespace ballast
