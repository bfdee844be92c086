// Small dense linear algebra in double, by plain loops, for closed forms in tests. Not here:
// anything of the engine.
#pragma once
#include <cmath>
#include <cstddef>
#include <vector>

namespace imago::test {

struct Matrix {
  std::size_t rows, cols;
  std::vector<double> v;
  Matrix(std::size_t r, std::size_t c) : rows(r), cols(c), v(r * c) {}
  double& operator()(std::size_t i, std::size_t j) { return v[i * cols + j]; }
  double operator()(std::size_t i, std::size_t j) const { return v[i * cols + j]; }
};
inline Matrix transpose(const Matrix& a) {
  Matrix t(a.cols, a.rows);
  for (std::size_t i = 0; i < a.rows; i++)
    for (std::size_t j = 0; j < a.cols; j++) t(j, i) = a(i, j);
  return t;
}
inline Matrix operator*(const Matrix& a, const Matrix& b) {
  Matrix c(a.rows, b.cols);
  for (std::size_t i = 0; i < a.rows; i++)
    for (std::size_t k = 0; k < a.cols; k++)
      for (std::size_t j = 0; j < b.cols; j++) c(i, j) += a(i, k) * b(k, j);
  return c;
}
// Columns made orthonormal, in order (Gram-Schmidt, twice).
inline Matrix orthonormal(Matrix a) {
  for (std::size_t j = 0; j < a.cols; j++) {
    for (int pass = 0; pass < 2; pass++)
      for (std::size_t k = 0; k < j; k++) {
        double dot = 0;
        for (std::size_t i = 0; i < a.rows; i++) dot += a(i, j) * a(i, k);
        for (std::size_t i = 0; i < a.rows; i++) a(i, j) -= dot * a(i, k);
      }
    double norm = 0;
    for (std::size_t i = 0; i < a.rows; i++) norm += a(i, j) * a(i, j);
    for (std::size_t i = 0; i < a.rows; i++) a(i, j) /= std::sqrt(norm);
  }
  return a;
}
// Eigenvalues of a symmetric matrix in falling order, eigenvectors as columns: cyclic Jacobi
// rotations.
struct Eigen {
  std::vector<double> values;
  Matrix vectors;
};
inline Eigen eigen(Matrix a) {
  const std::size_t n = a.rows;
  Matrix u(n, n);
  for (std::size_t i = 0; i < n; i++) u(i, i) = 1;
  for (int sweep = 0; sweep < 60; sweep++)
    for (std::size_t p = 0; p < n; p++)
      for (std::size_t q = p + 1; q < n; q++) {
        if (std::fabs(a(p, q)) < 1e-300) continue;
        const double theta = (a(q, q) - a(p, p)) / (2 * a(p, q));
        const double t = (theta >= 0 ? 1 : -1) / (std::fabs(theta) + std::sqrt(theta * theta + 1));
        const double c = 1 / std::sqrt(t * t + 1), s = t * c;
        for (std::size_t k = 0; k < n; k++) {
          const double x = a(k, p), y = a(k, q);
          a(k, p) = c * x - s * y, a(k, q) = s * x + c * y;
        }
        for (std::size_t k = 0; k < n; k++) {
          const double x = a(p, k), y = a(q, k);
          a(p, k) = c * x - s * y, a(q, k) = s * x + c * y;
        }
        for (std::size_t k = 0; k < n; k++) {
          const double x = u(k, p), y = u(k, q);
          u(k, p) = c * x - s * y, u(k, q) = s * x + c * y;
        }
      }
  std::vector<std::size_t> order(n);
  for (std::size_t i = 0; i < n; i++) order[i] = i;
  for (std::size_t i = 0; i < n; i++)
    for (std::size_t j = i + 1; j < n; j++)
      if (a(order[j], order[j]) > a(order[i], order[i])) std::swap(order[i], order[j]);
  Eigen e{{}, Matrix(n, n)};
  for (std::size_t j = 0; j < n; j++) {
    e.values.push_back(a(order[j], order[j]));
    for (std::size_t i = 0; i < n; i++) e.vectors(i, j) = u(i, order[j]);
  }
  return e;
}
// log N(x; mean, covariance), by Cholesky.
inline double log_normal(const std::vector<double>& x, const std::vector<double>& mean,
                         const Matrix& covariance) {
  const std::size_t n = x.size();
  Matrix l(n, n);
  std::vector<double> y(n);
  double result = -0.5 * double(n) * std::log(2 * M_PI);
  for (std::size_t i = 0; i < n; i++) {
    for (std::size_t j = 0; j <= i; j++) {
      double s = covariance(i, j);
      for (std::size_t k = 0; k < j; k++) s -= l(i, k) * l(j, k);
      l(i, j) = i == j ? std::sqrt(s) : s / l(j, j);
    }
    double s = x[i] - mean[i];
    for (std::size_t k = 0; k < i; k++) s -= l(i, k) * y[k];
    y[i] = s / l(i, i);
    result -= std::log(l(i, i)) + 0.5 * y[i] * y[i];
  }
  return result;
}

}  // namespace imago::test
