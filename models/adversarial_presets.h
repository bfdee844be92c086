// What adversarial presets share: their options, and how a configuration becomes a model. Each
// preset that is more than a composition has its row in a file of its own.
#pragma once
#include "models/adversarial_task.h"
#include "models/preset_rows.h"

namespace imago::models {

// The options every adversarial preset has: networks, loss, penalty, stabilisers.
Options adversarial_options();
// What a settled configuration says about a game on such data.
AdversarialOptions game_of(const training::Config& config, const DataInfo& data);
// Resolves "auto", and refuses what does not go together: Error (usage).
void settle_game(training::Config& config, const DataInfo& data);
// Error (usage) unless these options are as said; `why` tells what makes another value meaningless.
void refuse_others(const training::Config& config, const char* why,
                   const training::Settings& as_they_must_be);

// Makes a model of class M: M(const training::Config&, const AdversarialOptions&, init, draws).
template <class M>
std::unique_ptr<GenerativeTask> make_game(const training::Config& c, const DataInfo& d,
                                          const nn::Init& init, Generator& draws) {
  return std::make_unique<AdversarialTask>(std::make_unique<M>(c, game_of(c, d), init, draws),
                                           std::uint64_t(c.integer("seed")));
}

// A row with the common options, its own besides, and the family's defaults changed by `defaults`;
// for_points are changed by `points` on top of those.
struct GameRow {
  std::string name, summary, source;
  Options own = {};
  training::Settings defaults = {}, points = {};
  decltype(Preset::make) make;
  decltype(Preset::settle) settle = settle_game;
  decltype(Preset::settle_steps) settle_steps = nullptr;
};
Preset game_preset(const GameRow& row);
// `points` that cover a grid of 25 modes in under a minute of one core (tools/bench/toys.sh): codes
// as flat as the data, a high rate that falls to 0; and a row's own on top.
training::Settings covering(const training::Settings& own);

// The rows of the files that hold more than a composition.
Preset infogan_preset();
Preset acgan_preset();
Preset ebgan_preset();
Preset began_preset();
Preset gmmn_preset();
Preset moment_preset();
Preset cramer_preset();
Preset madgan_preset();
Preset adagan_preset();
Preset progan_preset();
Preset vae_gan_preset();
Preset ali_preset();
Preset implicit_vi_preset();

}  // namespace imago::models
