//! `deriv` and `predict_linear`: the straight line through a range.

use crate::eval::Window;
use crate::plan::Point;
use crate::sums::Sum;

pub fn derivative(window: Window<'_>, _: &[f64]) -> Option<f64> {
    let [first, _, ..] = window.points else { return None };
    Some(line(window.points, first.at).slope)
}

pub fn predict(window: Window<'_>, scalars: &[f64]) -> Option<f64> {
    let [_, _, ..] = window.points else { return None };
    let line = line(window.points, window.step);
    Some(line.slope * scalars.first()? + line.intercept)
}

struct Line {
    /// Per second.
    slope: f64,
    intercept: f64,
}

/// Least squares, with zero on the time axis at `origin`.
fn line(points: &[Point], origin: i64) -> Line {
    let first = points[0].value;
    if points.iter().all(|point| point.value == first) {
        // Exactly level, which the sums below would only nearly find.
        let slope = if first.is_infinite() { f64::NAN } else { 0.0 };
        let intercept = if first.is_infinite() { f64::NAN } else { first };
        return Line { slope, intercept };
    }
    let (mut x_sum, mut y_sum, mut xy_sum, mut xx_sum) =
        (Sum::default(), Sum::default(), Sum::default(), Sum::default());
    for point in points {
        let (x, y) = ((point.at - origin) as f64 / 1000.0, point.value);
        x_sum = x_sum.plus(x);
        y_sum = y_sum.plus(y);
        xy_sum = xy_sum.plus(x * y);
        xx_sum = xx_sum.plus(x * x);
    }
    let count = points.len() as f64;
    let (x, y) = (x_sum.total(), y_sum.total());
    let covariance = xy_sum.total() - x * y / count;
    let variance = xx_sum.total() - x * x / count;
    let slope = covariance / variance;
    Line { slope, intercept: y / count - slope * x / count }
}
