//! All that was measured, and the questions that the reports ask of it.
//!
//! The danger is that the table, the sentences and the picture each reckon for
//! themselves and disagree. So they all ask here.

use super::contest::{Figures, METRICS, ORIGINAL, SCENARIOS, SERVERS, Server};
use super::statistics::{self, Rule, Summary};
use std::fmt::Write;

/// The figures of one run.
#[derive(Debug)]
pub struct Run {
    /// Its place in [`SCENARIOS`].
    pub scenario: usize,
    /// Its place in [`SERVERS`].
    pub server: usize,
    /// Which round, or that it was the one under strace.
    pub round: String,
    /// What was measured.
    pub figures: Figures,
}

/// Every run, and what went wrong.
#[derive(Debug, Default)]
pub struct Results {
    /// In the order they were made.
    pub runs: Vec<Run>,
    /// Sentences about what failed or was skipped.
    pub notes: Vec<String>,
}

impl Results {
    /// The runs of a server in a scenario, one figure of each.
    pub fn values(&self, scenario: usize, server: usize, metric: usize) -> Vec<f64> {
        let runs = self.runs.iter();
        runs.filter(|run| (run.scenario, run.server) == (scenario, server))
            .filter_map(|run| run.figures[metric])
            .collect()
    }

    /// The same, summed up.
    pub fn summary(&self, scenario: usize, server: usize, metric: usize) -> Option<Summary> {
        statistics::summary(&self.values(scenario, server, metric))
    }

    /// Whether the scenario was run at all.
    pub fn has(&self, scenario: usize) -> bool {
        self.runs.iter().any(|run| run.scenario == scenario)
    }

    /// What it takes to be better here. Counts under strace are not repeated
    /// and have the finest resolution there is.
    pub fn rule(&self, scenario: usize, metric: usize) -> Rule {
        let pick = |wanted: fn(&Server) -> bool| -> Vec<f64> {
            let place = SERVERS.iter().position(wanted);
            place.map_or_else(Vec::new, |server| self.values(scenario, server, metric))
        };
        let original = pick(|server| server.name == ORIGINAL);
        let twin = pick(|server| server.is_twin);
        let resolution = match metric == super::contest::CALLS {
            true => statistics::FINEST,
            false => statistics::resolution(&original, &twin),
        };
        Rule {
            more_is_better: METRICS[metric].more_is_better,
            resolution,
            least_difference: METRICS[metric].least_difference,
        }
    }

    /// The summaries of all servers but the twin.
    pub fn rivals(&self, scenario: usize, metric: usize) -> Vec<(&'static str, Summary)> {
        let rivals = SERVERS.iter().enumerate();
        rivals
            .filter(|(_, server)| !server.is_twin)
            .filter_map(|(place, server)| {
                let summary = self.summary(scenario, place, metric)?;
                Some((server.name, summary))
            })
            .collect()
    }

    /// The smallest and the largest resolution of a metric over the scenarios.
    pub fn resolutions(&self, metric: usize) -> Option<Summary> {
        let scenarios = (0..SCENARIOS.len()).filter(|scenario| self.has(*scenario));
        let found = scenarios.map(|scenario| self.rule(scenario, metric).resolution);
        let finite: Vec<f64> = found.filter(|resolution| resolution.is_finite()).collect();
        statistics::summary(&finite)
    }

    /// Every run on a line, for other programs.
    pub fn comma_separated(&self) -> String {
        let mut text = "scenario,server,round".to_owned();
        for metric in &METRICS {
            text.extend([",", metric.key]);
        }
        text.push('\n');
        for run in &self.runs {
            let scenario = SCENARIOS[run.scenario].name;
            // The names of scenarios contain commas. Writing to a string does
            // not fail.
            let server = SERVERS[run.server].name;
            let _ = write!(text, "\"{scenario}\",{server},{}", run.round);
            for figure in run.figures {
                let figure = figure.map(|figure| format!("{figure:.4}"));
                text.extend([",", &figure.unwrap_or_default()]);
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::compare::contest::{PROCESSOR, RATE};

    /// One run of each server in the first scenario, each figure as given.
    pub(in crate::compare) fn one_round(figures: &[f64]) -> Results {
        let runs = figures.iter().enumerate().map(|(server, figure)| Run {
            scenario: 0,
            server,
            round: "1".to_owned(),
            figures: [Some(*figure); METRICS.len()],
        });
        Results {
            runs: runs.collect(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn the_twin_gives_the_resolution_and_takes_no_part() {
        let results = one_round(&[10.0, 25.0, 20.0, 30.0, 22.0]);
        let rule = results.rule(0, PROCESSOR);
        assert!((rule.resolution - 0.1).abs() < 1e-9);
        let rivals = results.rivals(0, PROCESSOR);
        assert_eq!(rivals.len(), SERVERS.len() - 1);
        assert_eq!(rule.best(&rivals), [SERVERS[0].name]);
        assert_eq!(results.rule(0, RATE).best(&rivals), ["threads"]);
        assert!(results.has(0) && !results.has(1));
    }

    #[test]
    fn every_line_of_the_data_has_every_column() {
        let mut results = one_round(&[1.0, 2.0]);
        results.runs[1].figures[RATE] = None;
        let text = results.comma_separated();
        let columns = |line: &str| line.replace("active\"", "").matches(',').count();
        let counts: Vec<usize> = text.lines().map(columns).collect();
        assert_eq!(counts, [METRICS.len() + 2; 3]);
        assert!(text.ends_with("echo steal,1,,2.0000,2.0000,2.0000,2.0000,2.0000,2.0000\n"));
    }
}
