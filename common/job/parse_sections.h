#pragma once

// The sections of a spec, one function each. They fill in a section and leave a problem behind for
// everything in it that cannot be meant; what takes several sections to see is check_spec's.

#include <string>
#include <string_view>
#include <vector>

#include "common/job/parse_place.h"
#include "common/job/spec.h"

namespace ballast {

void parse_data(const Place& data, DataSpec& out);
// `columns` keeps names, patterns and types as written, for whoever knows the columns; names are
// checked here where data.columns lists them.
void parse_features(const Place& features, const DataSpec& data, std::vector<TransformSpec>& out);
void parse_model(const Place& model, ModelSpec& out);
void parse_optimizer(const Place& optimizer, OptimizerSpec& out);
void parse_training(const Place& training, TrainingSpec& out);
// training.class_weights: no part of what the roles agree on but of how they weigh.
void parse_class_weights(const Place& training, ClassWeightsSpec& out);
void parse_checkpoint(const Place& checkpoint, CheckpointSpec& out);
void parse_cluster(const Place& cluster, ClusterSpec& out);
// The task says what is stratified when nothing is written.
void parse_cross_validation(const Place& cross_validation, Task task, CrossValidationSpec& out);
// `outer` is what nested splits are like where they do not say.
void parse_search(const Place& search, Task task, const CrossValidationSpec& outer,
                  SearchSpec& out);
void parse_job(const Place& job, JobSpec& out);

// Combinations that no section sees alone. REQUIRES: every section was read without a problem.
void check_spec(const Place& root, const Spec& spec);
// Its part about cross-validation and search.
void check_search(const Place& root, const Spec& spec);
// Complains unless it is one of watchable_metrics(task).
void check_metric(const Place& place, Task task, const std::string& metric);

// What is wrong with a field that a search is to set: it is unknown, or not one that configurations
// may differ in. Empty: nothing.
[[nodiscard]] std::string complaint_about_parameter(std::string_view field);

}  // namespace ballast
