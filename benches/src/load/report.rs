//! The line at the end: what was measured, as `key=value` pairs.
//!
//! The danger is a figure that flatters: an average hides the slow tail. So
//! latencies are kept in a histogram, exact to three digits, and reported by
//! their percentiles up to the very worst.

use crate::failure::Failure;
use hdrhistogram::Histogram;
use std::fmt;
use std::time::Duration;

/// The longest latency told apart from longer ones.
const LONGEST: Duration = Duration::from_secs(3600);

/// All that one run of the load generator measured.
#[derive(Debug)]
pub struct Report {
    /// Messages echoed and checked.
    pub messages: u64,
    /// Whether the run ended at a fault: it ends at the first.
    pub faulty: bool,
    /// From the first message sent to the last one back.
    pub elapsed: Duration,
    /// Connections opened in all.
    pub connections: u64,
    /// Nanoseconds from when each message should have been sent to its last
    /// byte back.
    pub latencies: Histogram<u64>,
}

/// An empty histogram of nanoseconds.
pub fn histogram() -> Result<Histogram<u64>, Failure> {
    let longest = LONGEST.as_nanos() as u64;
    Histogram::new_with_bounds(1, longest, 3)
        .map_err(|error| Failure::new(format!("making the histogram: {error}")))
}

impl Report {
    fn microseconds_at(&self, quantile: f64) -> f64 {
        self.latencies.value_at_quantile(quantile) as f64 / 1e3
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.elapsed.as_secs_f64();
        let rate = match seconds {
            0.0 => 0.0,
            seconds => self.messages as f64 / seconds,
        };
        write!(
            formatter,
            "messages={} errors={} seconds={seconds:.3} messages_per_second={rate:.0} \
             p50_us={:.1} p99_us={:.1} p999_us={:.1} max_us={:.1} connections={}",
            self.messages,
            u8::from(self.faulty),
            self.microseconds_at(0.5),
            self.microseconds_at(0.99),
            self.microseconds_at(0.999),
            self.latencies.max() as f64 / 1e3,
            self.connections,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_every_figure() {
        let mut latencies = histogram().expect("the bounds are valid");
        for microseconds in 1..=1000 {
            latencies.saturating_record(microseconds * 1000);
        }
        let report = Report {
            messages: 1000,
            faulty: false,
            elapsed: Duration::from_millis(500),
            connections: 7,
            latencies,
        };
        let line = report.to_string();
        assert!(line.starts_with(
            "messages=1000 errors=0 seconds=0.500 messages_per_second=2000 p50_us=500"
        ));
        assert!(line.ends_with("connections=7"));
        assert!(!line.contains('\n'));
    }
}
