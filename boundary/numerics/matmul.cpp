// c[r] = a[r] @ b[r] for many small matrices: (R, m, k) @ (R, k, n), or (k, n) for all r, in float64 or float32.
//
// Libraries of linear algebra are made for large matrices, and slow at ten by ten times ten by 800: `make bench` times
// both. Here a tile of c stays in vector registers while its terms are summed up:
//
//   rows of b contiguous      a tile is some rows by some vectors of columns; a term is a number of a times vectors of b
//   columns of b contiguous   a tile is some rows by some columns, dot products of rows of a and columns of b, each in
//                             a vector of partial sums
//
// The order of a sum is that of its tile. In exact arithmetic it does not matter, nor does fused multiply-add: every
// partial sum is exact (arithmetic.py).
#include <cstdint>
#include <cstring>
#include <type_traits>

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

namespace {

using torch::headeronly::ScalarType;
using torch::stable::Tensor;

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64, kVectors = 4;  // 5 by 4 vectors of sums, and what they are made of: 32 registers
#elif defined(__AVX__)
constexpr int kVectorBytes = 32, kVectors = 2;  // 16 registers
#else
constexpr int kVectorBytes = 16, kVectors = 4;  // 32 registers (NEON)
#endif
constexpr int kTile = 5;  // rows, or columns of dot products, of a tile, at most

template <typename T>
constexpr int kLanes = kVectorBytes / sizeof(T);

template <typename T, int lanes>
struct VectorOf {
  typedef T type __attribute__((vector_size(lanes * sizeof(T))));
};
template <typename T, int lanes = kLanes<T>>
using Vector = typename VectorOf<T, lanes>::type;

template <typename T>
Vector<T> load(const T* from) {
  Vector<T> vector;
  std::memcpy(&vector, from, sizeof vector);
  return vector;
}

template <typename T, int lanes>
T total(Vector<T, lanes> vector) {
  if constexpr (lanes == 2) {
    return vector[0] + vector[1];
  } else {
    Vector<T, lanes / 2> halves[2];
    std::memcpy(halves, &vector, sizeof vector);
    return total<T, lanes / 2>(halves[0] + halves[1]);
  }
}

template <typename T>
struct Matrix {
  T* data;
  int64_t row, column;  // strides

  T& operator()(int64_t r, int64_t c) const { return data[r * row + c * column]; }
  Matrix from(int64_t r, int64_t c) const { return {&(*this)(r, c), row, column}; }
};

// Calls f(start, size) for pieces of at most kTile that make up `count`, as equal as can be; size is a constant.
template <typename F>
void in_pieces(int64_t count, F f) {
  const int64_t pieces = (count + kTile - 1) / kTile;
  for (int64_t piece = 0, start = 0; piece < pieces; ++piece) {
    const int64_t size = count / pieces + (piece < count % pieces);
    switch (size) {
      case 1: f(start, std::integral_constant<int, 1>()); break;
      case 2: f(start, std::integral_constant<int, 2>()); break;
      case 3: f(start, std::integral_constant<int, 3>()); break;
      case 4: f(start, std::integral_constant<int, 4>()); break;
      case 5: f(start, std::integral_constant<int, 5>()); break;
    }
    start += size;
  }
}

// M rows by N vectors of columns of c. The rows of b and c are contiguous.
template <int M, int N, typename T>
void combine(Matrix<const T> a, Matrix<const T> b, Matrix<T> c, int64_t k) {
  Vector<T> sums[M][N] = {};
  for (int64_t t = 0; t < k; ++t) {
    Vector<T> terms[N];
    for (int j = 0; j < N; ++j) terms[j] = load(&b(t, j * kLanes<T>));
    for (int i = 0; i < M; ++i)
      for (int j = 0; j < N; ++j) sums[i][j] += a(i, t) * terms[j];
  }
  for (int i = 0; i < M; ++i) std::memcpy(&c(i, 0), sums[i], sizeof sums[i]);
}

// M rows of c, all n columns. The rows of b and c are contiguous.
template <int M, typename T>
void combine_rows(Matrix<const T> a, Matrix<const T> b, Matrix<T> c, int64_t k, int64_t n) {
  constexpr int64_t one = kLanes<T>, several = kVectors * one;
  int64_t at = 0;
  for (; at + several <= n; at += several) combine<M, kVectors>(a, b.from(0, at), c.from(0, at), k);
  for (; at + one <= n; at += one) combine<M, 1>(a, b.from(0, at), c.from(0, at), k);
  if (at < n && n >= one) {  // the last vector overlaps the one before
    combine<M, 1>(a, b.from(0, n - one), c.from(0, n - one), k);
    return;
  }
  for (; at < n; ++at)
    for (int i = 0; i < M; ++i) {
      T sum = 0;
      for (int64_t t = 0; t < k; ++t) sum += a(i, t) * b(t, at);
      c(i, at) = sum;
    }
}

// M rows by N columns of c. The rows of a and the columns of b are contiguous.
template <int M, int N, typename T>
void dot(Matrix<const T> a, Matrix<const T> b, Matrix<T> c, int64_t k) {
  Vector<T> sums[M][N] = {};
  int64_t t = 0;
  for (; t + kLanes<T> <= k; t += kLanes<T>) {
    Vector<T> terms[N];
    for (int j = 0; j < N; ++j) terms[j] = load(&b(t, j));
    for (int i = 0; i < M; ++i) {
      const Vector<T> factors = load(&a(i, t));
      for (int j = 0; j < N; ++j) sums[i][j] += factors * terms[j];
    }
  }
  for (int i = 0; i < M; ++i)
    for (int j = 0; j < N; ++j) {
      T sum = total<T, kLanes<T>>(sums[i][j]);
      for (int64_t rest = t; rest < k; ++rest) sum += a(i, rest) * b(rest, j);
      c(i, j) = sum;
    }
}

template <typename T>
void products(const Tensor& a, const Tensor& b, const Tensor& c) {
  const int64_t m = a.size(1), k = a.size(2), n = b.size(-1), step = b.dim() == 3 ? b.stride(0) : 0;
  for (int64_t r = 0; r < a.size(0); ++r) {
    const Matrix<const T> left{static_cast<const T*>(a.data_ptr()) + r * a.stride(0), a.stride(1), a.stride(2)};
    const Matrix<const T> right{static_cast<const T*>(b.data_ptr()) + r * step, b.stride(-2), b.stride(-1)};
    const Matrix<T> result{static_cast<T*>(c.data_ptr()) + r * m * n, n, 1};
    in_pieces(m, [&](int64_t row, auto rows) {
      const Matrix<const T> some = left.from(row, 0);
      if (right.column == 1) {
        combine_rows<rows>(some, right, result.from(row, 0), k, n);
      } else {
        in_pieces(n, [&](int64_t column, auto columns) {
          dot<rows, columns>(some, right.from(0, column), result.from(row, column), k);
        });
      }
    });
  }
}

Tensor product(Tensor a, Tensor b) {
  STD_TORCH_CHECK(b.stride(-1) == 1 || (b.stride(-2) == 1 && a.stride(2) == 1), "rows or columns must be contiguous");
  Tensor c = torch::stable::new_empty(a, {a.size(0), a.size(1), b.size(-1)});
  if (a.scalar_type() == ScalarType::Double) {
    products<double>(a, b, c);
  } else {
    products<float>(a, b, c);
  }
  return c;
}

}  // namespace

STABLE_TORCH_LIBRARY(boundary, library) { library.def("product(Tensor a, Tensor b) -> Tensor"); }
STABLE_TORCH_LIBRARY_IMPL(boundary, CPU, library) { library.impl("product", TORCH_BOX(&product)); }
