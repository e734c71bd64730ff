#include "kernels/muon.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "kernels/productTile.h"
#include "kernels/shares.h"
#include "kernels/squareProduct.h"
#include "runtime/scratch.h"
#include "runtime/threadPool.h"

namespace haet {
namespace {

// Coefficients of the iteration (Keller Jordan): the steepest at zero that keeps singular values around 1.
constexpr float kA = 3.4445f, kB = -4.775f, kC = 2.0315f;
// Least squared norm of a direction: one of zeros stays zeros.
constexpr float kLeast = 1e-30f;

Scratch scratch;  // one call at a time

constexpr long roundedUp(long count, long step) { return (count + step - 1) / step * step; }

// One filter. Matrices are in panels of kLanes columns, as for SquareProduct, and padded with zeros.
struct Filter {
  int rows = 0, columns = 0;  // of the direction; columns is also the size of the symmetric matrices
  float* direction = nullptr;
  // X'X of the current X; odd = B X'X + C (X'X)^2; X'X (A + odd); the polynomial, and the next one.
  float *gram = nullptr, *odd = nullptr, *half = nullptr, *polynomial = nullptr, *next = nullptr;
  float norm = 0;  // Frobenius, of the direction
};

std::vector<Filter> filtersOf(const std::vector<Parameter>& parameters) {
  std::vector<Filter> filters;
  size_t floats = 0;
  for (const Parameter& parameter : parameters) {
    const long rows = roundedUp(parameter.inputs, std::max(kLanes, kRowGroup));
    const long columns = roundedUp(parameter.units, kLanes);
    Filter& filter = filters.emplace_back();
    filter.rows = static_cast<int>(rows), filter.columns = static_cast<int>(columns);
    floats += (rows + 5 * columns) * columns;
  }
  float* memory = scratch.ofSize(floats);
  for (Filter& filter : filters) {
    const size_t square = static_cast<size_t>(filter.columns) * filter.columns;
    filter.direction = memory;
    memory += static_cast<size_t>(filter.rows) * filter.columns;
    for (float** matrix : {&filter.gram, &filter.odd, &filter.half, &filter.polynomial, &filter.next}) {
      *matrix = memory;
      memory += square;
    }
  }
  return filters;
}

// Updates the velocity of a share of rows, and lays out their direction.
void direct(const Parameter& parameter, const Share& share, const std::vector<float>& means, const Filter& filter) {
  const auto [inputs, units, centralizes, rate, momentum, decay, weight, velocity, gradient, newWeight, newVelocity] =
      parameter;
  const bool last = share.end == inputs;
  for (long row = share.first; row < (last ? filter.rows : share.end); ++row) {
    for (int first = 0; first < filter.columns; first += kLanes) {
      float* direction = filter.direction + static_cast<ptrdiff_t>(first) * filter.rows + row * kLanes;
      const int present = row < inputs ? std::min(kLanes, units - first) : 0;
      const long from = row * units + first;
      for (int lane = 0; lane < present; ++lane) {
        const float centred = gradient[from + lane] - means[first + lane];
        const float updated = momentum * velocity[from + lane] + centred;
        newVelocity[from + lane] = updated;
        direction[lane] = centred + momentum * updated;
      }
      for (int lane = present; lane < kLanes; ++lane) direction[lane] = 0;
    }
  }
}

float traceOf(const Filter& filter) {
  double trace = 0;
  for (int row = 0; row < filter.columns; ++row) {
    trace += filter.gram[row / kLanes * static_cast<ptrdiff_t>(filter.columns) * kLanes + row * kLanes + row % kLanes];
  }
  return static_cast<float>(trace);
}

// Computes the matrices X'X. The trace of one is the square of the Frobenius norm of X.
void square(std::vector<Filter>& filters) {
  std::vector<SquareProduct> products;
  for (const Filter& filter : filters) {
    products.push_back(
        {filter.columns, filter.rows, filter.direction, filter.direction, 1, nullptr, 0, filter.gram, true});
  }
  multiply(products);
  parallelFor(static_cast<int>(filters.size()), [&](int index) {
    Filter& filter = filters[index];
    const float squared = std::max(traceOf(filter), kLeast);
    filter.norm = std::sqrt(squared);
    const ptrdiff_t count = static_cast<ptrdiff_t>(filter.columns) * filter.columns;
    for (ptrdiff_t at = 0; at < count; ++at) filter.gram[at] /= squared;
  });
}

// Computes the polynomials by which the directions are multiplied: the iteration, in step for all filters.
void iterate(std::vector<Filter>& filters, int iterations) {
  const auto multiplied = [&](const auto& productOf) {
    std::vector<SquareProduct> products;
    for (const Filter& filter : filters) products.push_back(productOf(filter));
    multiply(products);
  };
  for (int iteration = 1; iteration <= iterations; ++iteration) {
    multiplied([](const Filter& f) {
      return SquareProduct{f.columns, f.columns, f.gram, f.gram, kC, f.gram, kB, f.odd, true};
    });
    if (iteration == 1) {
      parallelFor(static_cast<int>(filters.size()), [&](int index) {
        const Filter& f = filters[index];
        const ptrdiff_t inPanel = static_cast<ptrdiff_t>(f.columns) * kLanes;
        std::copy(f.odd, f.odd + f.columns * static_cast<ptrdiff_t>(f.columns), f.polynomial);
        for (int row = 0; row < f.columns; ++row)
          f.polynomial[row / kLanes * inPanel + row * kLanes + row % kLanes] += kA;
      });
    } else {
      multiplied([](const Filter& f) {
        return SquareProduct{f.columns, f.columns, f.odd, f.polynomial, 1, f.polynomial, kA, f.next, true};
      });
      for (Filter& filter : filters) std::swap(filter.polynomial, filter.next);
    }
    if (iteration == iterations) break;
    // X <- X (A + odd), so X'X <- (A + odd) X'X (A + odd), exactly symmetric. Rounding errors, with which the matrices
    // no longer commute, would grow twentyfold per iteration with X'X (A + odd) (A + odd).
    multiplied([](const Filter& f) {
      return SquareProduct{f.columns, f.columns, f.gram, f.odd, 1, f.gram, kA, f.half, false};
    });
    multiplied([](const Filter& f) {
      return SquareProduct{f.columns, f.columns, f.odd, f.half, 1, f.half, kA, f.gram, true};
    });
  }
}

// Returns the factors of the old weights.
std::vector<float> keptOf(const std::vector<Parameter>& parameters, const std::vector<Share>& shares) {
  std::vector<double> squares(shares.size());
  parallelFor(static_cast<int>(shares.size()), [&](int index) {
    const auto& [parameter, first, end] = shares[index];
    const auto& [inputs, units, centralizes, rate, momentum, decay, weight, velocity, gradient, newWeight,
                 newVelocity] = parameters[parameter];
    if (decay > 0) return;
    double sum = 0;
    for (long row = first; row < end; ++row) {
      float ofRow = 0;
      for (long at = row * units; at < (row + 1) * units; ++at) ofRow += weight[at] * weight[at];
      sum += ofRow;
    }
    squares[index] = sum;
  });
  std::vector<double> totals(parameters.size());
  for (size_t index = 0; index < shares.size(); ++index) totals[shares[index].parameter] += squares[index];
  std::vector<float> kept;
  for (size_t index = 0; index < parameters.size(); ++index) {
    const Parameter& parameter = parameters[index];
    const double scale = parameter.decay > 0 ? 1 - static_cast<double>(parameter.rate) * parameter.decay
                                             : std::sqrt(parameter.units / totals[index]);
    kept.push_back(static_cast<float>(scale));
  }
  return kept;
}

// Multiplies a share of the direction's rows by the polynomial, and moves the weights.
void move(const Parameter& parameter, const Share& share, float kept, const Filter& filter) {
  const bool last = share.end == parameter.inputs;
  const int first = static_cast<int>(share.first), end = last ? filter.rows : static_cast<int>(share.end);
  const ptrdiff_t inPanel = static_cast<ptrdiff_t>(filter.rows) * kLanes, depth = filter.columns;
  const ptrdiff_t cPanel = static_cast<ptrdiff_t>(end - first) * kLanes;
  std::vector<float> moves((end - first) * depth);
  inGroupsOf<3>(filter.columns / kLanes, [&](int panel, auto panels) {
    for (int row = first; row < end; row += kRowGroup) {
      tile<Left::kPlain, kRowGroup, panels>(
          filter.direction + row * kLanes, inPanel, filter.polynomial + panel * depth * kLanes, depth * kLanes,
          moves.data() + panel * cPanel + (row - first) * kLanes, cPanel, filter.columns, false);
    }
  });
  const float rate = parameter.rate / filter.norm;
  const int units = parameter.units;
  for (long row = share.first; row < share.end; ++row) {
    for (int from = 0; from < units; from += kLanes) {
      const float* move = moves.data() + from / kLanes * cPanel + (row - first) * kLanes;
      const long at = row * units + from;
      for (int lane = 0; lane < std::min(kLanes, units - from); ++lane) {
        parameter.newWeight[at + lane] = kept * parameter.weight[at + lane] - rate * move[lane];
      }
    }
  }
}

}  // namespace

void muon(const std::vector<Parameter>& parameters, int iterations) {
  const std::vector<Share> shares = sharesOf(parameters);
  const std::vector<std::vector<float>> means = meansOf(parameters, shares);
  const std::vector<float> kept = keptOf(parameters, shares);
  std::vector<Filter> filters = filtersOf(parameters);
  const auto forShares = [&](const auto& body) {
    parallelFor(static_cast<int>(shares.size()), [&](int index) {
      const int parameter = shares[index].parameter;
      body(shares[index], parameter, parameters[parameter], filters[parameter]);
    });
  };
  forShares([&](const Share& share, int index, const Parameter& parameter, const Filter& filter) {
    direct(parameter, share, means[index], filter);
  });
  square(filters);
  iterate(filters, iterations);
  forShares([&](const Share& share, int index, const Parameter& parameter, const Filter& filter) {
    move(parameter, share, kept[index], filter);
  });
}

}  // namespace haet
