// What any generative model's samples are measured by from the outside: a judge's features and
// labels, and the means of a mixture. Not here: the figures of a family (its task), the judge.
#pragma once
#include "models/generative_task.h"

namespace imago::models {

// Besides the figures of the task itself, all of o.drawn samples:
//   fd, kid, is, precision, recall, density, coverage
//                   of features (models/measures/feature_figures.h) against those of the split; by
//                   default fd alone
//   label_accuracy  share of samples that are of the class they were asked for
//   purity          where samples are asked for by codes that training found: share of samples
//                   whose class is the most common one of their code
// The class of a sample is what the judge takes it for or, without a judge, the component of the
// nearest mean (ring8, grid25).
std::vector<std::string> all_metrics(const GenerativeTask& task);
// The metrics asked for; for none, the task's own and those that need nothing that is missing.
training::Figures all_figures(GenerativeTask& task, const data::DataSet& data,
                              const data::Split& split, const MeasureOptions& o);

}  // namespace imago::models
