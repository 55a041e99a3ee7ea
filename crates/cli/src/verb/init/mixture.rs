//! Columns that are parts of a whole: they add up to one total in every row, but for rounding.

use forethought_space::rounding;

/// Fewest rows that show a mixture of all columns, and of columns side by side.
const ROWS_LEAST: (usize, usize) = (3, 4);
/// Share of the total that a part varies by before it shows anything.
const COUNTS_LEAST: f64 = 0.01;
/// Most parts of a mixture.
const PARTS_MOST: usize = 40;
/// Totals that people mean when rounded parts add up to nearly that.
const TOTALS: [f64; 2] = [100.0, 1.0];

/// Numbers of a column, one a row.
pub(super) struct Part {
    /// Place of the column in the table.
    pub(super) at: usize,
    pub(super) numbers: Vec<f64>,
}

impl Part {
    fn varies(&self) -> bool {
        self.numbers.iter().any(|x| *x != self.numbers[0])
    }

    /// It varies by more than what rounding and weighing leave open of a total.
    fn counts(&self, total: f64) -> bool {
        let (low, high) =
            self.numbers.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(*x), h.max(*x)));
        high - low > COUNTS_LEAST * total
    }
}

/// The columns that add up, and their total.
pub(super) fn find(parts: &[Part]) -> Option<(Vec<usize>, f64)> {
    let rows = parts.first()?.numbers.len();
    let most = parts.iter().flat_map(|p| &p.numbers).fold(0.0, |most: f64, x| most.max(*x));
    let within: Vec<&Part> = parts
        .iter()
        .filter(|p| p.numbers.iter().all(|x| *x >= 0.0) && p.numbers.iter().any(|x| *x > 0.0))
        .collect();
    if most == 0.0 {
        return None;
    }
    // All candidates, or all but one that is no share.
    let all = |leave: Option<usize>| {
        let used: Vec<&Part> = (0..within.len()).filter(|i| Some(*i) != leave).map(|i| within[i]).collect();
        if used.len() < 3 || rows < ROWS_LEAST.0 { None } else { add_up(&used) }
    };
    // Or columns that stand side by side, the longest run first. Held ones add up with anything, so they begin and end none.
    let beside = || {
        let runs = (2..=within.len().min(PARTS_MOST)).rev().flat_map(|long| within.windows(long));
        let mut runs = runs.filter(|run| run[0].varies() && run[run.len() - 1].varies());
        if rows < ROWS_LEAST.1 { None } else { runs.find_map(add_up) }
    };
    let but_one = || (0..within.len().min(PARTS_MOST)).find_map(|i| all(Some(i)));
    all(None).or_else(but_one).or_else(beside)
}

fn add_up(used: &[&Part]) -> Option<(Vec<usize>, f64)> {
    let rows: Vec<Vec<f64>> =
        (0..used[0].numbers.len()).map(|r| used.iter().map(|p| p.numbers[r]).collect()).collect();
    let adds_to = |total: f64, is_exact: bool| {
        rows.iter().all(|row| {
            let off = (row.iter().sum::<f64>() - total).abs();
            off <= if is_exact { 1e-6 * total } else { rounding(row, total) }
        })
    };
    let first: f64 = rows[0].iter().sum();
    let total = TOTALS
        .into_iter()
        .find(|total| adds_to(*total, false))
        // Another total than a whole must be kept more closely: two columns of anything nearly add up.
        .or_else(|| Some(first).filter(|total| *total > 0.0 && adds_to(*total, true)))
        .or_else(|| {
            let mut sums: Vec<f64> = rows.iter().map(|row| row.iter().sum()).collect();
            sums.sort_by(f64::total_cmp);
            let middle = sums[sums.len() / 2];
            Some(middle).filter(|total| used.len() > 2 && *total > 0.0 && adds_to(*total, false))
        })?;
    // What hardly varies beside the others adds up with anything.
    let is_shown = used.iter().filter(|p| p.counts(total)).count() >= 2;
    is_shown.then(|| (used.iter().map(|p| p.at).collect(), total))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(columns: &[&[f64]]) -> Option<(Vec<usize>, f64)> {
        let parts: Vec<Part> =
            columns.iter().enumerate().map(|(at, numbers)| Part { at, numbers: numbers.to_vec() }).collect();
        find(&parts)
    }

    #[test]
    fn rounded_parts_are_a_mixture() {
        let (a, b, c) = ([64.2, 60.1, 55.0, 70.3], [31.1, 30.0, 40.1, 20.0], [4.8, 9.8, 4.9, 9.8]);
        assert_eq!(found(&[&a, &b, &c]), Some((vec![0, 1, 2], 100.0)));
        // With a temperature beside them, which is no share.
        assert_eq!(found(&[&[20.0, 35.0, 50.0, 80.0], &a, &b, &c]), Some((vec![1, 2, 3], 100.0)));
        let thirds = [0.33, 0.3, 0.5];
        assert_eq!(found(&[&thirds, &[0.33, 0.4, 0.25], &[0.33, 0.3, 0.25]]), Some((vec![0, 1, 2], 1.0)));
    }

    #[test]
    fn columns_that_do_not_add_up_are_no_mixture() {
        assert_eq!(found(&[&[20.0, 30.0, 40.0, 50.0], &[5.0, 7.0, 9.0, 6.0], &[1.0, 2.0, 1.0, 2.0]]), None);
        // What is held adds up with anything.
        assert_eq!(found(&[&[20.0, 30.0, 40.0, 50.0], &[5.0; 4], &[1.0; 4]]), None);
        // So does what hardly varies.
        assert_eq!(
            found(&[&[1e9 + 1.0, 1e9 + 7.0, 1e9 + 3.0, 1e9 + 4.0], &[1.5e-10, 1.6e-10, 1.7e-10, 1.8e-10]]),
            None
        );
    }
}
