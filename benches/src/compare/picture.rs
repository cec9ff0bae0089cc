//! The picture of the results: the server's CPU time a message, as SVG.
//!
//! The danger is a picture that lies by its axis, or that some cannot read. A
//! fresh connection costs ten times a message, so bars from zero would hide
//! the differences: these are points on a logarithmic axis, where equal
//! distances are equal ratios. Every point has its name and its figure beside
//! it and the colours are those of Okabe and Ito, so that no meaning hangs on
//! colour alone; the style follows the reader's choice of light or dark.

use super::contest::{PROCESSOR, SCENARIOS, SERVERS};
use super::results::Results;
use super::statistics::Summary;
use super::table::figure;

const WIDTH: f64 = 760.0;
/// The left edge of all that is written.
const MARGIN: f64 = 24.0;
/// Where the axis begins: the names stand to the left of it.
const AXIS_LEFT: f64 = 150.0;
/// Where the axis ends: the last figure stands to the right of it.
const AXIS_RIGHT: f64 = 680.0;
/// The baselines of the two lines of the title and of the axis's numbers.
const TITLE: f64 = 34.0;
const SUBTITLE: f64 = 56.0;
const AXIS: f64 = 86.0;
/// From one server to the next, and from one scenario to the next.
const ROW: f64 = 22.0;
const HEADING: f64 = 34.0;
/// How far a small text's baseline lies below its middle.
const BASELINE: f64 = 4.5;
const RADIUS: f64 = 5.0;
/// The gap between a point or its whisker and the figure.
const GAP: f64 = 10.0;

/// Fill colours by place in the table of servers, for light and for dark.
const COLOURS: [(&str, &str); 6] = [
    ("#0072b2", "#56b4e9"),
    ("#007a5a", "#2fc79b"),
    ("#c04a00", "#ff9a4d"),
    ("#a6397b", "#e59cc8"),
    ("#7a6400", "#f0e442"),
    ("#333333", "#dddddd"),
];

/// A logarithmic axis.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// The shortest axis from a round number to a round number that holds all.
    fn around(values: &[f64]) -> Option<Scale> {
        let positive = values.iter().copied().filter(|value| *value > 0.0);
        let least = positive.clone().min_by(f64::total_cmp)?;
        let most = positive.max_by(f64::total_cmp)?;
        let low = round_numbers().rev().find(|number| *number <= least)?;
        let high = round_numbers().find(|number| *number >= most && *number > low)?;
        Some(Scale { low, high })
    }

    /// The horizontal place of a value.
    fn place(self, value: f64) -> f64 {
        let value = value.clamp(self.low, self.high);
        let part = (value / self.low).ln() / (self.high / self.low).ln();
        AXIS_LEFT + part * (AXIS_RIGHT - AXIS_LEFT)
    }

    /// The round numbers on the axis.
    fn ticks(self) -> impl Iterator<Item = f64> {
        round_numbers().filter(move |number| (self.low..=self.high).contains(number))
    }
}

/// 1, 2, 5 and their tenfolds, from a nanosecond to a second of microseconds.
fn round_numbers() -> impl DoubleEndedIterator<Item = f64> {
    (-3..=6).flat_map(|exponent| [1.0, 2.0, 5.0].map(|digit| rounded(digit, exponent)))
}

/// Without the crumbs of a product: 0.2, not 0.2000...01.
fn rounded(digit: f64, exponent: i32) -> f64 {
    match exponent < 0 {
        true => digit / 10_f64.powi(-exponent),
        false => digit * 10_f64.powi(exponent),
    }
}

/// The whole file.
pub fn draw(results: &Results) -> String {
    let shown: Vec<usize> = (0..SCENARIOS.len())
        .filter(|scenario| results.has(*scenario))
        .collect();
    let mut body = String::new();
    let mut reach = Vec::new();
    for &scenario in &shown {
        reach.extend(summaries(results, scenario).flat_map(|(_, it)| [it.least, it.most]));
    }
    let mut bottom = AXIS;
    if let Some(scale) = Scale::around(&reach) {
        for &scenario in &shown {
            bottom += HEADING;
            body += &text(MARGIN, bottom, "heading", SCENARIOS[scenario].name);
            for (server, summary) in summaries(results, scenario) {
                bottom += ROW;
                body += &row(scale, bottom, server, summary);
            }
        }
        body = grid(scale, bottom + ROW / 2.0) + &body;
    }
    let height = bottom + ROW + MARGIN / 2.0;
    frame(height) + &body + "</svg>\n"
}

/// The servers of a scenario, without the twin.
fn summaries(results: &Results, scenario: usize) -> impl Iterator<Item = (usize, Summary)> {
    let rivals = SERVERS.iter().enumerate().filter(|(_, it)| !it.is_twin);
    rivals.filter_map(move |(place, _)| {
        let summary = results.summary(scenario, place, PROCESSOR)?;
        Some((place, summary))
    })
}

/// The head of the file. Each text has a rim of the paper's colour, which keeps
/// the lines of the grid off it.
fn frame(height: f64) -> String {
    let style = |dark: bool| -> String {
        let colours = COLOURS.iter().enumerate();
        let rules = colours.map(|(place, (on_light, on_dark))| {
            let colour = if dark { on_dark } else { on_light };
            format!(".s{place}{{fill:{colour}}}path.s{place}{{stroke:{colour}}}")
        });
        let (paper, ink, faint, line) = match dark {
            true => ("#0d1117", "#e6edf3", "#9aa4af", "#30363d"),
            false => ("#ffffff", "#1f2328", "#59636e", "#d8dee4"),
        };
        format!(
            ".paper{{fill:{paper}}}text{{fill:{ink};stroke:{paper}}}text.faint{{fill:{faint}}}\
             .grid{{stroke:{line}}}{}",
            rules.collect::<String>()
        )
    };
    let heads = text(MARGIN, TITLE, "title", "Server CPU time a message")
        + &text(
            MARGIN,
            SUBTITLE,
            "faint",
            "\u{b5}s, kernel included; further left is cheaper; logarithmic axis. \
             Point: median; line: least to most of the rounds.",
        );
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\" role=\"img\" \
         aria-label=\"Server CPU time a message, by scenario and server\">\n\
         <style>text{{font:13px system-ui,'DejaVu Sans',sans-serif;\
         paint-order:stroke;stroke-width:5;stroke-linejoin:round}}\
         .title{{font-size:18px;font-weight:600}}.heading{{font-weight:600}}\
         .middle{{text-anchor:middle}}.end{{text-anchor:end}}\
         {}@media (prefers-color-scheme:dark){{{}}}</style>\n\
         <rect class=\"paper\" width=\"{WIDTH}\" height=\"{height}\"/>\n{heads}",
        style(false),
        style(true)
    )
}

fn grid(scale: Scale, bottom: f64) -> String {
    let lines = scale.ticks().map(|tick| {
        let place = scale.place(tick);
        let top = AXIS + BASELINE;
        format!(
            "<path class=\"grid\" d=\"M{place:.1} {top:.1}V{bottom:.1}\"/>\n{}",
            text(place, AXIS, "faint middle", &tick.to_string())
        )
    });
    lines.collect()
}

/// One server: its name, the whisker, the point, the figure.
fn row(scale: Scale, middle: f64, server: usize, summary: Summary) -> String {
    let colour = format!("s{}", server % COLOURS.len());
    let [least, median, most] =
        [summary.least, summary.median, summary.most].map(|value| scale.place(value));
    let baseline = middle + BASELINE;
    let after = most.max(median + RADIUS) + GAP;
    text(
        AXIS_LEFT - GAP,
        baseline,
        &format!("end {colour}"),
        SERVERS[server].name,
    ) + &format!(
        "<path class=\"{colour}\" stroke-width=\"2\" d=\"M{least:.1} {middle:.1}H{most:.1}\"/>\n\
         <circle class=\"{colour}\" cx=\"{median:.1}\" cy=\"{middle:.1}\" r=\"{RADIUS}\"/>\n"
    ) + &text(after, baseline, &colour, &figure(summary.median))
}

fn text(left: f64, baseline: f64, class: &str, words: &str) -> String {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    format!("<text x=\"{left:.1}\" y=\"{baseline:.1}\" class=\"{class}\">{words}</text>\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::results::tests::one_round;

    #[test]
    fn an_axis_goes_from_a_round_number_to_a_round_number() {
        let around = |values: &[f64]| Scale::around(values).map(|it| (it.low, it.high));
        assert_eq!(around(&[3.3, 41.0]), Some((2.0, 50.0)));
        assert_eq!(around(&[5.0, 5.0]), Some((5.0, 10.0)));
        assert_eq!(around(&[0.3, 0.0]), Some((0.2, 0.5)));
        assert_eq!(around(&[]), None);
    }

    #[test]
    fn equal_ratios_are_equal_distances() {
        let scale = Scale::around(&[1.0, 100.0]).expect("there are values");
        assert_eq!(scale.place(1.0), AXIS_LEFT);
        assert_eq!(scale.place(100.0), AXIS_RIGHT);
        let step = |from: f64| scale.place(from * 2.0) - scale.place(from);
        assert!((step(1.0) - step(40.0)).abs() < 1e-9);
        assert_eq!(scale.place(0.0), AXIS_LEFT, "nothing leaves the axis");
    }

    #[test]
    fn ticks_are_short_numbers() {
        let ticks = Scale::around(&[0.15, 20.0]).expect("there are values");
        let words: Vec<String> = ticks.ticks().map(|tick| tick.to_string()).collect();
        assert_eq!(words, ["0.1", "0.2", "0.5", "1", "2", "5", "10", "20"]);
    }

    #[test]
    fn every_server_but_the_twin_is_drawn_and_named() {
        let picture = draw(&one_round(&[3.0, 3.5, 4.0, 50.0, 4.1]));
        for server in SERVERS {
            let named = picture.contains(&format!(">{}</text>", server.name));
            assert_eq!(named, !server.is_twin, "{}", server.name);
        }
        assert_eq!(picture.matches("<circle").count(), 4);
        assert!(picture.contains(">50.0</text>") && picture.ends_with("</svg>\n"));
        assert!(draw(&Results::default()).ends_with("</svg>\n"));
    }
}
