//! From measured runs to a verdict, or to none.
//!
//! The danger is to name a winner of noise. One program measured under two
//! names never gives the same figures twice, and how far these lie apart is
//! what two different programs must differ by, at least, before one of them is
//! called better.
//!
//! A single such difference is chance too: it can be nought. So the resolution
//! is the worst that the same runs could have shown: dealt to the two names
//! with all the low ones to one and all the high ones to the other. And as
//! rivals may be noisier than the twins were, the middle halves of their own
//! runs must lie apart too.

/// No difference below this is believed, however well the twins agree: they
/// agree by chance too.
pub const FINEST: f64 = 0.01;

/// The middle of some runs, and how far they reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// The median.
    pub median: f64,
    /// The ends of the middle half.
    pub quartiles: (f64, f64),
    /// The least of them.
    pub least: f64,
    /// The most of them.
    pub most: f64,
}

/// The summary of runs, if there are any.
pub fn summary(values: &[f64]) -> Option<Summary> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let quarter = sorted.len() / 4;
    Some(Summary {
        median: median_of_sorted(&sorted)?,
        quartiles: (*sorted.get(quarter)?, *sorted.iter().nth_back(quarter)?),
        least: *sorted.first()?,
        most: *sorted.last()?,
    })
}

/// The middle one, or the mean of the two in the middle.
fn median_of_sorted(sorted: &[f64]) -> Option<f64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    match sorted.len() % 2 {
        1 => Some(upper),
        _ => Some(f64::midpoint(sorted[sorted.len() / 2 - 1], upper)),
    }
}

/// How much larger the larger is: 0.1 is ten per cent.
pub fn distance(one: f64, other: f64) -> f64 {
    let (less, more) = (one.min(other), one.max(other));
    if less == more {
        0.0
    } else if less <= 0.0 {
        f64::INFINITY
    } else {
        more / less - 1.0
    }
}

/// How far apart two programs that are the same can appear, from the runs of
/// one of them under two names. Without runs nothing can be told apart.
pub fn resolution(first: &[f64], second: &[f64]) -> f64 {
    let mut pooled = [first, second].concat();
    pooled.sort_by(f64::total_cmp);
    let (low, high) = pooled.split_at(pooled.len() / 2);
    match (median_of_sorted(low), median_of_sorted(high)) {
        (Some(low), Some(high)) => distance(low, high).max(FINEST),
        _ => f64::INFINITY,
    }
}

/// What it takes to be better.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Whether the larger figure is the better one.
    pub more_is_better: bool,
    /// The relative difference below which there is none.
    pub resolution: f64,
    /// The difference that matters to nobody.
    pub least_difference: f64,
}

impl Rule {
    /// Whether two lie further apart than equals may.
    pub fn differ(&self, one: &Summary, other: &Summary) -> bool {
        let apart = one.quartiles.0 > other.quartiles.1 || other.quartiles.0 > one.quartiles.1;
        let (one, other) = (one.median, other.median);
        let matters = (one - other).abs() > self.least_difference;
        apart && matters && distance(one, other) > self.resolution
    }

    /// Whether the first is better, surely.
    pub fn beats(&self, one: &Summary, other: &Summary) -> bool {
        self.differ(one, other) && (one.median > other.median) == self.more_is_better
    }

    /// The ones among the rivals that the best does not beat, the best first.
    /// A single one is the winner.
    pub fn best<'n>(&self, rivals: &[(&'n str, Summary)]) -> Vec<&'n str> {
        let mut sorted = rivals.to_vec();
        sorted.sort_by(|(_, one), (_, other)| match self.more_is_better {
            true => other.median.total_cmp(&one.median),
            false => one.median.total_cmp(&other.median),
        });
        let Some(&(_, top)) = sorted.first() else {
            return Vec::new();
        };
        let equals = sorted.iter().filter(|(_, it)| !self.beats(&top, it));
        equals.map(|(name, _)| *name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_in_the_middle_whatever_the_order() {
        let middle = |values: &[f64]| summary(values).map(|summary| summary.median);
        assert_eq!(middle(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(middle(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(middle(&[7.0]), Some(7.0));
        assert_eq!(middle(&[]), None);
        let all = summary(&[5.0, -1.0, 9.0]).expect("there are some");
        assert_eq!((all.least, all.most), (-1.0, 9.0));
    }

    #[test]
    fn an_outlier_moves_the_reach_and_not_the_median() {
        let all = summary(&[10.0, 11.0, 900.0]).expect("there are some");
        assert_eq!((all.median, all.most), (11.0, 900.0));
    }

    #[test]
    fn a_distance_is_the_same_from_both_ends() {
        assert!((distance(10.0, 11.0) - 0.1).abs() < 1e-9);
        assert_eq!(distance(10.0, 11.0), distance(11.0, 10.0));
        assert_eq!(distance(0.0, 0.0), 0.0);
        assert_eq!(distance(0.0, 1.0), f64::INFINITY);
    }

    #[test]
    fn the_resolution_is_the_worst_dealing_of_the_runs() {
        // Dealt like this, the medians are equal; the worst dealing is 100 and
        // 120 against 130 and 150.
        let found = resolution(&[100.0, 150.0], &[120.0, 130.0]);
        assert!((found - (140.0 / 110.0 - 1.0)).abs() < 1e-9, "{found}");
        let worse = resolution(&[100.0, 120.0], &[130.0, 150.0]);
        assert_eq!(found, worse);
    }

    #[test]
    fn the_resolution_has_a_floor_and_needs_runs() {
        assert_eq!(resolution(&[5.0, 5.0], &[5.0, 5.0]), FINEST);
        assert_eq!(resolution(&[], &[]), f64::INFINITY);
        assert_eq!(resolution(&[1.0], &[]), f64::INFINITY);
    }

    const LESS: Rule = Rule {
        more_is_better: false,
        resolution: 0.05,
        least_difference: 0.01,
    };

    /// Rivals of one run each.
    fn rivals<'n>(runs: &[(&'n str, f64)]) -> Vec<(&'n str, Summary)> {
        let run = |value| summary(&[value]).expect("there is one");
        runs.iter()
            .map(|(name, value)| (*name, run(*value)))
            .collect()
    }

    #[test]
    fn runs_that_mingle_name_no_winner() {
        let all = |values: &[f64]| summary(values).expect("there are some");
        let one = all(&[5.6, 5.7, 5.9, 10.4, 14.4]);
        let other = all(&[5.8, 8.7, 9.0, 9.1, 9.5]);
        assert_eq!(one.quartiles, (5.7, 10.4));
        assert!(distance(one.median, other.median) > LESS.resolution);
        assert!(!LESS.beats(&one, &other));
        assert!(LESS.beats(&one, &all(&[9.0, 10.5, 11.0, 12.0, 13.0])));
    }

    #[test]
    fn a_winner_is_named_only_beyond_the_resolution() {
        assert_eq!(LESS.best(&rivals(&[("a", 10.0), ("b", 10.6)])), ["a"]);
        assert_eq!(LESS.best(&rivals(&[("a", 10.4), ("b", 10.0)])), ["b", "a"]);
        assert_eq!(
            LESS.best(&rivals(&[("a", 10.4), ("b", 10.0), ("c", 20.0)])),
            ["b", "a"]
        );
        assert!(LESS.best(&[]).is_empty());
    }

    #[test]
    fn more_wins_where_more_is_better() {
        let more = Rule {
            more_is_better: true,
            ..LESS
        };
        assert_eq!(more.best(&rivals(&[("a", 10.0), ("b", 12.0)])), ["b"]);
    }

    #[test]
    fn what_matters_to_nobody_is_no_difference() {
        // Half as many, but of next to nothing.
        assert_eq!(
            LESS.best(&rivals(&[("a", 0.002), ("b", 0.004)])),
            ["a", "b"]
        );
        let unknown = Rule {
            resolution: f64::INFINITY,
            ..LESS
        };
        assert_eq!(unknown.best(&rivals(&[("a", 1.0), ("b", 9.0)])), ["a", "b"]);
    }
}
