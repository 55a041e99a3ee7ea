//! Whether a few numbers rise with time, whatever they are distributed like.

/// The probability that as many values rise with time by more than `allowed` a unit of time, had they no order. `points`: times, the
/// earliest first, and values, all finite.
///
/// Kendall's test (Biometrika 30, 1938) of the differences that are beyond what is allowed; its distribution is exact, so that a few
/// points are enough where they agree, and one that lies far off proves nothing. Ties count as no rise.
pub fn kendall_rise(points: &[(f64, f64)], allowed: f64) -> f64 {
    let pairs = points.iter().enumerate().flat_map(|(i, a)| points[i + 1..].iter().map(move |b| (a, b)));
    let rises = pairs.filter(|(a, b)| b.1 - a.1 > allowed * (b.0 - a.0)).count();
    at_least(points.len(), rises)
}

/// The probability that a random order of `n` numbers has `rises` pairs in order, or more: that of so many inversions, which are
/// sums of independent uniform numbers from 0 to 0, 1, …, n − 1 (Knuth, TAOCP 3, section 5.1.1).
fn at_least(n: usize, rises: usize) -> f64 {
    let most = n * n.saturating_sub(1) / 2;
    let mut odds = vec![1.0];
    for k in 1..n {
        // Each of the new is the mean of k + 1 of the old: a window that moves on.
        let old = |at: usize| odds.get(at).copied().unwrap_or(0.0);
        let (mut window, mut next) = (0.0, Vec::with_capacity(odds.len() + k));
        for at in 0..odds.len() + k {
            window += old(at) - at.checked_sub(k + 1).map_or(0.0, old);
            next.push((window / (k + 1) as f64).max(0.0));
        }
        odds = next;
    }
    odds[rises.min(most)..].iter().sum::<f64>().min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn points(values: &[f64]) -> Vec<(f64, f64)> {
        values.iter().enumerate().map(|(i, v)| (i as f64, *v)).collect()
    }

    #[test]
    fn what_rises_all_the_time_is_as_rare_as_one_order_of_all() {
        assert!((kendall_rise(&points(&[0.0, 0.5, 1.1, 1.4]), 0.0) - 1.0 / 24.0).abs() < 1e-12);
        // Kendall's table: 5 of 6 pairs in order, 4 of 24 orders.
        assert!((kendall_rise(&points(&[0.0, 1.0, 0.9, 2.0]), 0.0) - 4.0 / 24.0).abs() < 1e-12);
        assert_eq!((kendall_rise(&points(&[1.0]), 0.0), kendall_rise(&[], 0.0)), (1.0, 1.0));
    }

    #[test]
    fn one_that_lies_far_off_proves_nothing_and_what_is_allowed_is_no_rise() {
        let mut values: Vec<f64> = vec![3.0, 1.0, 4.0, 2.0, 3.5, 1.5, 2.5, 0.5, 4.5];
        values.push(1e6);
        assert!(kendall_rise(&points(&values), 0.0) > 0.05);
        let rising: Vec<f64> = (0..9).map(f64::from).collect();
        assert!(kendall_rise(&points(&rising), 0.5) < 1e-5);
        assert_eq!(kendall_rise(&points(&rising), 1.0), 1.0);
    }

    proptest! {
        /// Of all orders no more than a share α have a p of α or less.
        #[test]
        fn p_is_never_too_small(alpha in 0.0_f64..1.0) {
            let mut order = [0.0, 1.0, 2.0, 3.0, 4.0];
            let (mut all, mut found) = (0.0, 0.0);
            permute(&mut order, 0, &mut |order| {
                all += 1.0;
                if kendall_rise(&points(order), 0.0) <= alpha { found += 1.0; }
            });
            prop_assert!(all == 120.0 && found / all <= alpha + 1e-9);
        }
    }

    fn permute(order: &mut [f64; 5], from: usize, see: &mut dyn FnMut(&[f64])) {
        if from == order.len() {
            return see(order);
        }
        for i in from..order.len() {
            order.swap(from, i);
            permute(order, from + 1, see);
            order.swap(from, i);
        }
    }
}
