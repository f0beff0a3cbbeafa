//! Numbers that many threads add to at once.

use std::sync::atomic::{AtomicU64, Ordering};

use super::text::{Kind, Text};

/// Adds up one number for each value of one label. Which values there are is fixed, so that nobody who
/// names things can make it grow.
#[derive(Debug)]
pub(super) struct Counters<const N: usize> {
    label: &'static str,
    values: [&'static str; N],
    counts: [AtomicU64; N],
}

impl<const N: usize> Counters<N> {
    pub(super) fn new(label: &'static str, values: [&'static str; N]) -> Self {
        Self { label, values, counts: std::array::from_fn(|_| AtomicU64::new(0)) }
    }

    /// One more with this value. A value that is none of the fixed ones is not counted.
    pub(super) fn add(&self, value: &str) {
        let known = self.values.iter().zip(&self.counts).find(|(known, _)| **known == value);
        debug_assert!(known.is_some(), "`{value}` is no value of `{}`", self.label);
        if let Some((_, count)) = known {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn write(&self, text: &mut Text, name: &str, help: &str) {
        text.family(name, Kind::Counter, help);
        for (value, count) in self.values.iter().zip(&self.counts) {
            text.sample(name, &[(self.label, value)], count.load(Ordering::Relaxed));
        }
    }
}

/// How often something took how long.
#[derive(Debug)]
pub(super) struct Histogram<const N: usize> {
    /// Upper bounds, rising; one more count is for what is above all of them.
    bounds: [u64; N],
    counts: [AtomicU64; N],
    above: AtomicU64,
    sum: AtomicU64,
}

impl<const N: usize> Histogram<N> {
    pub(super) fn new(bounds: [u64; N]) -> Self {
        Self {
            bounds,
            counts: std::array::from_fn(|_| AtomicU64::new(0)),
            above: AtomicU64::new(0),
            sum: AtomicU64::new(0),
        }
    }

    pub(super) fn add(&self, value: u64) {
        let fits = self.bounds.iter().zip(&self.counts).find(|(bound, _)| value <= **bound);
        fits.map_or(&self.above, |(_, count)| count).fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    pub(super) fn write(&self, text: &mut Text, name: &str, help: &str) {
        text.family(name, Kind::Histogram, help);
        let bucket = format!("{name}_bucket");
        let mut all = 0;
        for (bound, count) in self.bounds.iter().zip(&self.counts) {
            all += count.load(Ordering::Relaxed);
            text.sample(&bucket, &[("le", &bound.to_string())], all);
        }
        all += self.above.load(Ordering::Relaxed);
        text.sample(&bucket, &[("le", "+Inf")], all);
        text.sample(&format!("{name}_sum"), &[], self.sum.load(Ordering::Relaxed));
        text.sample(&format!("{name}_count"), &[], all);
    }
}

#[cfg(test)]
mod tests {
    use super::{Counters, Histogram};
    use crate::telemetry::metrics::text::Text;

    #[test]
    fn counts_by_the_values_of_a_label() {
        let counters = Counters::new("effect", ["allow", "deny"]);
        for value in ["deny", "deny", "allow"] {
            counters.add(value);
        }
        let mut text = Text::default();
        counters.write(&mut text, "d_total", "decisions");
        let text = text.into_string();
        assert!(
            text.contains("d_total{effect=\"allow\"} 1\nd_total{effect=\"deny\"} 2\n"),
            "{text}"
        );
    }

    #[test]
    fn every_bucket_holds_what_is_below_it() {
        let histogram = Histogram::new([10, 100]);
        for value in [1, 10, 11, 1_000] {
            histogram.add(value);
        }
        let mut text = Text::default();
        histogram.write(&mut text, "t", "time");
        assert_eq!(
            text.into_string(),
            "# HELP t time\n# TYPE t histogram\nt_bucket{le=\"10\"} 2\nt_bucket{le=\"100\"} 3\n\
             t_bucket{le=\"+Inf\"} 4\nt_sum 1022\nt_count 4\n"
        );
    }
}
