//! Medians: one slow run on a busy machine does not move them.

use std::time::Duration;

/// The middle of all values; 0 of none.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.get(middle) {
        Some(upper) if values.len().is_multiple_of(2) => f64::midpoint(values[middle - 1], *upper),
        Some(middle) => *middle,
        None => 0.0,
    }
}

/// What a tenth of all values stays below; 0 of none. What others do on the machine only ever adds to a time.
pub(crate) fn best_tenth(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 10).copied().unwrap_or(0.0)
}

/// A duration in microseconds.
pub(crate) fn microseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_values_are_below_and_half_above() {
        for (values, expected) in [
            (vec![], 0.0),
            (vec![7.0], 7.0),
            (vec![9.0, 1.0], 5.0),
            (vec![1000.0, 1.0, 3.0], 3.0),
        ] {
            assert!((median(values.clone()) - expected).abs() < 1e-9, "{values:?}");
        }
    }

    #[test]
    fn a_tenth_of_the_values_is_below_the_best_tenth() {
        let values = (0..100).rev().map(f64::from);
        assert!((best_tenth(values) - 10.0).abs() < 1e-9);
        assert!((best_tenth([7.0]) - 7.0).abs() < 1e-9);
        assert!(best_tenth([]).abs() < 1e-9);
    }
}
