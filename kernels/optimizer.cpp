#include "kernels/optimizer.h"

#include "kernels/backend.h"

namespace imago::IMAGO_BACKEND {

template <class T>
DEVICE inline T gradient(const OptimizerPass<T>& p, T g, T w) {
  const T clipped = minimum(p.clip, maximum(-p.clip, *p.scale * g));  // NaN stays NaN
  return clipped + (p.l2 * w + p.l1 * (T(w > T(0)) - T(w < T(0))));
}

template <bool Average, class T>
DEVICE inline void store(const OptimizerPass<T>& p, const OptimizerItem<T>& t, Index i, T w) {
  t.w[i] = w;
  if (Average) t.average[i] += p.average_step * (w - t.average[i]);
}

template <bool Momentum, bool Average, class T>
void sgd_pass(Stream s, const SgdPass<T>& p) {
  multi_tensor(
      s, p.items, p.count, KERNEL(const OptimizerItem<T>& t, Index i) {
        const T w = t.w[i];
        T step = gradient(p, t.g[i], w);
        if (Momentum) {
          const T buffer = t.a * t.first[i] + t.b * step;
          t.first[i] = buffer;
          step = p.nesterov ? step + p.momentum * buffer : buffer;
        }
        store<Average>(p, t, i, w - p.lr * step);
      });
}

template <bool Average, class T>
void adagrad_pass(Stream s, const AdagradPass<T>& p) {
  multi_tensor(
      s, p.items, p.count, KERNEL(const OptimizerItem<T>& t, Index i) {
        const T w = t.w[i], g = gradient(p, t.g[i], w), sum = t.first[i] + g * g;
        t.first[i] = sum;
        store<Average>(p, t, i, w - t.a * g / (sqrt(sum) + p.eps));
      });
}

template <bool Centered, bool Momentum, bool Average, class T>
void rmsprop_pass(Stream s, const RmsPropPass<T>& p) {
  multi_tensor(
      s, p.items, p.count, KERNEL(const OptimizerItem<T>& t, Index i) {
        const T w = t.w[i], g = gradient(p, t.g[i], w);
        const T square = p.alpha * t.first[i] + p.rest * (g * g);
        t.first[i] = square;
        T spread = square;
        if (Centered) {
          const T mean = t.second[i] + p.rest * (g - t.second[i]);
          t.second[i] = mean;
          spread = square - mean * mean;
        }
        T step = g / (sqrt(spread) + p.eps);
        if (Momentum) {
          step = p.momentum * t.third[i] + step;
          t.third[i] = step;
        }
        store<Average>(p, t, i, w - p.lr * step);
      });
}

template <bool Average, class T>
void adam_pass(Stream s, const AdamPass<T>& p) {
  multi_tensor(
      s, p.items, p.count, KERNEL(const OptimizerItem<T>& t, Index i) {
        const T w = t.w[i], g = gradient(p, t.g[i], w);
        const T mean = t.first[i] + p.rest1 * (g - t.first[i]);
        const T square = p.beta2 * t.second[i] + p.rest2 * (g * g);
        t.first[i] = mean;
        t.second[i] = square;
        store<Average>(p, t, i, p.shrink * w - t.a * mean / (sqrt(square) * t.b + p.eps));
      });
}

template <class T>
bool averages(const OptimizerPass<T>& p) {
  return p.count > 0 && p.items[0].average;
}

template <class T>
void sgd(Stream s, const SgdPass<T>& p) {
  if (p.count > 0 && p.items[0].first)
    return averages(p) ? sgd_pass<true, true>(s, p) : sgd_pass<true, false>(s, p);
  averages(p) ? sgd_pass<false, true>(s, p) : sgd_pass<false, false>(s, p);
}
template <class T>
void adagrad(Stream s, const AdagradPass<T>& p) {
  averages(p) ? adagrad_pass<true>(s, p) : adagrad_pass<false>(s, p);
}
template <bool Centered, class T>
void rmsprop_centered(Stream s, const RmsPropPass<T>& p) {
  if (p.items[0].third)
    return averages(p) ? rmsprop_pass<Centered, true, true>(s, p)
                       : rmsprop_pass<Centered, true, false>(s, p);
  averages(p) ? rmsprop_pass<Centered, false, true>(s, p)
              : rmsprop_pass<Centered, false, false>(s, p);
}
template <class T>
void rmsprop(Stream s, const RmsPropPass<T>& p) {
  if (p.count > 0) p.items[0].second ? rmsprop_centered<true>(s, p) : rmsprop_centered<false>(s, p);
}
template <class T>
void adam(Stream s, const AdamPass<T>& p) {
  averages(p) ? adam_pass<true>(s, p) : adam_pass<false>(s, p);
}

template <class T>
void clip_norm(Stream s, const ClipNorm<T>& p) {
  multi_tensor_reduce<double>(
      s, p.items, p.count,
      KERNEL(const OptimizerItem<T>& t, Index i) { return double(t.g[i]) * double(t.g[i]); },
      KERNEL(double sum) {
        const T norm = T(sqrt(sum));
        p.clip[0] = minimum(T(1), p.max_norm / (norm + T(1e-6)));
        p.clip[1] = norm;
      });
}

IMAGO_INSTANTIATE(sgd, SgdPass)
IMAGO_INSTANTIATE(adagrad, AdagradPass)
IMAGO_INSTANTIATE(rmsprop, RmsPropPass)
IMAGO_INSTANTIATE(adam, AdamPass)
IMAGO_INSTANTIATE(clip_norm, ClipNorm)
}  // namespace imago::IMAGO_BACKEND
