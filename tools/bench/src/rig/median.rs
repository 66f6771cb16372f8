//! Medians: one slow run on a busy machine does not move them.

use std::time::Duration;

/// The middle of all values; 0 of none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let values = sorted(values);
    let middle = values.len() / 2;
    match values.get(middle) {
        Some(upper) if values.len().is_multiple_of(2) => f64::midpoint(values[middle - 1], *upper),
        Some(middle) => *middle,
        None => 0.0,
    }
}

/// What a tenth of all values stays below; 0 of none. Other load on the machine only ever adds to a time.
pub(crate) fn best_tenth(values: &[f64]) -> f64 {
    sorted(values).get(values.len() / 10).copied().unwrap_or(0.0)
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
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
            assert!((median(&values) - expected).abs() < 1e-9, "{values:?}");
        }
    }

    #[test]
    fn a_tenth_of_the_values_is_below_the_best_tenth() {
        let values: Vec<f64> = (0..100).rev().map(f64::from).collect();
        assert!((best_tenth(&values) - 10.0).abs() < 1e-9);
        assert!((best_tenth(&[7.0]) - 7.0).abs() < 1e-9);
        assert!(best_tenth(&[]).abs() < 1e-9);
    }
}
