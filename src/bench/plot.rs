//! `--plot`: the report as a picture that needs no words beside it.

use std::ops::Range;

use plotters::chart::DualCoordChartContext;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::{
    Cartesian2d, ChartBuilder, Color, DrawingArea, IntoDrawingArea, IntoFont, LineSeries, Polygon, RGBColor,
    Ranged, Rectangle, SVGBackend, ShapeStyle, TextStyle, WHITE,
};

use super::BenchError;
use super::recorder::Interval;
use super::report::{Curve, Report};

/// Width and height, in pixels.
const SIZE: (u32, u32) = (1_200, 1_040);
const TITLE_HEIGHT: u32 = 84;
const UPPER_HEIGHT: u32 = 500;
/// Room for the heading of a panel, and where panels begin from the left.
const PANEL_TOP: i32 = 38;
const LEFT: i32 = 98;
/// A shorter stretch of time, at the end, has too few calls for figures.
const INTERVAL_MIN: f64 = 0.05;
/// Fewer points than this are marked by dots.
const FEW_POINTS: usize = 60;

const FONT: &str = "sans-serif";
const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
const GRID: RGBColor = RGBColor(0xd5, 0xd5, 0xd5);
const LIGHT_GRID: RGBColor = RGBColor(0xf0, 0xf0, 0xf0);
const RATE: RGBColor = RGBColor(0xa6, 0xbd, 0xdb);
const COLOURS: [RGBColor; 5] = [
    RGBColor(0x1b, 0x6c, 0xa8),
    RGBColor(0xe0, 0x7b, 0x00),
    RGBColor(0xb2, 0x18, 0x2b),
    RGBColor(0x2e, 0x8b, 0x57),
    RGBColor(0x7b, 0x3f, 0xa0),
];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), String>;
/// The upper panel: latency against the left axis, throughput against the right.
type TimeChart<'a, 'b> = DualCoordChartContext<
    'a,
    SVGBackend<'b>,
    Cartesian2d<RangedCoordf64, Decades>,
    Cartesian2d<RangedCoordf64, RangedCoordf64>,
>;
/// A line of the upper panel: its name, and the latency that it shows.
type TimeLine = (&'static str, fn(&Interval) -> f64);

const TIME_LINES: [TimeLine; 3] = [("p50", |of| of.p50_ms), ("p99", |of| of.p99_ms), ("max", |of| of.max_ms)];

/// The report as the text of an SVG file: latency and throughput over time above, the distribution of
/// the latencies below.
///
/// # Errors
/// [`BenchError::Harness`] where the drawing fails, which no report should make it do.
pub fn draw(report: &Report) -> Result<String, BenchError> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        draw_all(&root, report)
            .map_err(|error| BenchError::Harness(format!("cannot draw the plot: {error}")))?;
    }
    Ok(svg)
}

fn draw_all(root: &Area<'_>, report: &Report) -> Drawn {
    root.fill(&WHITE).map_err(text)?;
    let (head, below) = root.split_vertically(TITLE_HEIGHT);
    let (upper, lower) = below.split_vertically(UPPER_HEIGHT);
    head.draw_text(&title(report), &font(26), (24, 16)).map_err(text)?;
    head.draw_text(&subtitle(report), &font(19), (24, 52)).map_err(text)?;
    over_time(&upper, report)?;
    distribution(&lower, report)?;
    root.present().map_err(text)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn font(size: u32) -> TextStyle<'static> {
    (FONT, size).into_font().color(&INK)
}

/// What was measured and how fast it was.
fn title(report: &Report) -> String {
    let pace = match report.settings.rate {
        Some(rate) => format!("due at {rate} calls/s (open loop)"),
        None => "as fast as answered (closed loop)".to_owned(),
    };
    let (workload, buyers) = (report.workload, report.settings.buyers);
    let rate = grouped(report.total.per_second);
    format!("{workload} on {}: {rate} calls/s, {buyers} buyers, {pace}", report.engine())
}

fn subtitle(report: &Report) -> String {
    let total = &report.total;
    let sold = report.sales.map_or_else(String::new, |sales| {
        format!(
            ", {} sales/s, {} tickets/s",
            grouped(sales.sales_per_second),
            grouped(sales.tickets_per_second)
        )
    });
    let reach = match report.stock.events {
        1 => "one event".to_owned(),
        events => format!("{} events", grouped(events as f64)),
    };
    let calls = grouped(total.calls as f64);
    format!(
        "{calls} calls in {} s on {reach}{sold}; p50 {} ms, p99 {} ms, p99.9 {} ms, max {} ms",
        report.seconds, total.p50_ms, total.p99_ms, total.p999_ms, total.max_ms
    )
}

/// A whole number with commas between its thousands.
fn grouped(number: f64) -> String {
    indicatif::HumanCount(number.round().max(0.0) as u64).to_string()
}

/// Latencies in powers of ten that enclose these values (in milliseconds), as exponents.
fn decades(values: impl Iterator<Item = f64>) -> (i32, i32) {
    let (low, high) = values
        .map(|ms| ms.max(1e-3).log10())
        .fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        return (-1, 1);
    }
    let low = low.floor() as i32;
    (low, (high.ceil() as i32).max(low + 1))
}

fn exponent(ms: f64) -> f64 {
    ms.max(1e-3).log10()
}

/// `0.01`, `1`, `1,000`: a power of ten as people write it.
fn power(exponent: f64) -> String {
    let value = 10_f64.powf(exponent);
    if value < 1.0 { format!("{value:.*}", (-exponent).ceil() as usize) } else { grouped(value) }
}

/// A logarithmic axis: its values are exponents, a bold line at each power of ten and light ones between.
struct Decades {
    low: i32,
    high: i32,
}

impl Ranged for Decades {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (begin, end): (i32, i32)) -> i32 {
        let part = (value - f64::from(self.low)) / f64::from(self.high - self.low);
        begin + (part * f64::from(end - begin)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            let light = |low: i32| (2..10).map(move |step| f64::from(low) + f64::from(step).log10());
            (self.low..self.high).flat_map(light).collect()
        } else {
            (self.low..=self.high).map(f64::from).collect()
        }
    }

    fn range(&self) -> Range<f64> {
        f64::from(self.low)..f64::from(self.high)
    }
}

fn over_time(area: &Area<'_>, report: &Report) -> Drawn {
    let shown: Vec<Interval> =
        report.intervals.iter().filter(|interval| interval.seconds >= INTERVAL_MIN).copied().collect();
    let shown = if shown.is_empty() { report.intervals.clone() } else { shown };
    let called = || shown.iter().filter(|interval| interval.calls > 0);
    let end = shown.last().map_or(1.0, |interval| interval.at_seconds.max(1e-3));
    let (low, high) = decades(called().flat_map(|interval| [interval.p50_ms, interval.max_ms]));
    let most = shown.iter().map(|interval| interval.per_second).fold(1.0, f64::max);
    let latency = Decades { low, high };
    let mut chart = ChartBuilder::on(area)
        .margin(14)
        .margin_top(PANEL_TOP)
        .x_label_area_size(56)
        .y_label_area_size(LEFT - 14)
        .right_y_label_area_size(96)
        .build_cartesian_2d(0.0..end, latency)
        .map_err(text)?
        .set_secondary_coord(0.0..end, 0.0..most * 1.15);
    time_axes(&mut chart)?;
    let steps = Polygon::new(steps(&shown), RATE.mix(0.45).filled());
    chart.draw_secondary_series(std::iter::once(steps)).map_err(text)?;
    let names = TIME_LINES.iter().zip(COLOURS).map(|((name, _), colour)| (*name, colour.filled()));
    let throughput = std::iter::once(("calls per second", RATE.filled()));
    legend(area, "Latency and throughput over time", names.chain(throughput))?;
    for ((_, value), colour) in TIME_LINES.into_iter().zip(COLOURS) {
        let middle = |of: &Interval| of.at_seconds - of.seconds / 2.0;
        let line = called().map(|interval| (middle(interval), exponent(value(interval))));
        let dots = if shown.len() < FEW_POINTS { 2 } else { 0 };
        let line = LineSeries::new(line, colour.stroke_width(2).filled()).point_size(dots);
        chart.draw_series(line).map_err(text)?;
    }
    Ok(())
}

fn time_axes(chart: &mut TimeChart<'_, '_>) -> Drawn {
    chart
        .configure_mesh()
        .x_desc("seconds of the measured time")
        .y_desc("latency, ms (logarithmic)")
        .y_label_formatter(&|exponent| power(*exponent))
        .label_style(font(17))
        .axis_desc_style(font(19))
        .bold_line_style(GRID)
        .light_line_style(LIGHT_GRID)
        .draw()
        .map_err(text)?;
    chart
        .configure_secondary_axes()
        .y_desc("calls per second")
        .y_label_formatter(&|rate| grouped(*rate))
        .label_style(font(17))
        .axis_desc_style(font(19))
        .draw()
        .map_err(text)
}

/// The throughput as an area of steps.
fn steps(shown: &[Interval]) -> Vec<(f64, f64)> {
    let begin = shown.first().map_or(0.0, |first| first.at_seconds - first.seconds);
    let end = shown.last().map_or(begin, |last| last.at_seconds);
    let sides = |of: &Interval| [(of.at_seconds - of.seconds, of.per_second), (of.at_seconds, of.per_second)];
    let mut steps = vec![(begin, 0.0)];
    steps.extend(shown.iter().flat_map(sides));
    steps.push((end, 0.0));
    steps
}

/// The heading of a panel, and behind it what each colour stands for.
fn legend<'a>(
    area: &Area<'_>,
    heading: &str,
    names: impl IntoIterator<Item = (&'a str, ShapeStyle)>,
) -> Drawn {
    // How wide a text is only the viewer knows: this is a little more.
    let width = |text: &str| text.len() as i32 * 9 + 22;
    area.draw_text(heading, &font(20), (LEFT, 8)).map_err(text)?;
    let mut x = LEFT + width(heading) + 20;
    for (name, style) in names {
        area.draw(&Rectangle::new([(x, 13), (x + 24, 19)], style)).map_err(text)?;
        area.draw_text(name, &font(18), (x + 32, 9)).map_err(text)?;
        x += 32 + width(name);
    }
    Ok(())
}

fn distribution(area: &Area<'_>, report: &Report) -> Drawn {
    let points = || report.curves.iter().flat_map(|curve| &curve.points);
    let (low, high) = decades(points().map(|point| point.ms));
    let nines = points().map(|point| point.nines).fold(1.0, f64::max).ceil();
    let percentiles = Decades { low: 0, high: nines as i32 };
    let latency = Decades { low, high };
    let mut chart = ChartBuilder::on(area)
        .margin(14)
        .margin_top(PANEL_TOP)
        .margin_right(110)
        .x_label_area_size(56)
        .y_label_area_size(LEFT - 14)
        .build_cartesian_2d(percentiles, latency)
        .map_err(text)?;
    chart
        .configure_mesh()
        .x_desc("percent of the calls that kept the latency (each step one nine more)")
        .y_desc("latency, ms (logarithmic)")
        .x_label_formatter(&|nines| percentile(*nines))
        .y_label_formatter(&|exponent| power(*exponent))
        .label_style(font(17))
        .axis_desc_style(font(19))
        .bold_line_style(GRID)
        .light_line_style(LIGHT_GRID)
        .draw()
        .map_err(text)?;
    let names = report.curves.iter().zip(COLOURS);
    let names = names.map(|(curve, colour)| (curve.operation, colour.filled()));
    legend(area, "Distribution of the latency", names)?;
    for (curve, colour) in report.curves.iter().zip(COLOURS) {
        let line = LineSeries::new(line_of(curve), colour.stroke_width(3));
        chart.draw_series(line).map_err(text)?;
    }
    Ok(())
}

fn line_of(curve: &Curve) -> impl Iterator<Item = (f64, f64)> {
    curve.points.iter().map(|point| (point.nines, exponent(point.ms)))
}

/// `0`, `90`, `99`, `99.9`: the percentile with so many nines.
fn percentile(nines: f64) -> String {
    let digits = (nines.round() as usize).saturating_sub(2);
    format!("{:.digits$} %", 100.0 * (1.0 - 10_f64.powf(-nines)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_shown_by_their_nines() {
        let shown = [0.0, 1.0, 2.0, 3.0, 5.0].map(percentile);
        assert_eq!(shown, ["0 %", "90 %", "99 %", "99.9 %", "99.999 %"]);
    }

    #[test]
    fn powers_are_shown_as_people_write_them() {
        assert_eq!([-2.0, 0.0, 1.0, 4.0].map(power), ["0.01", "1", "10", "10,000"]);
    }

    #[test]
    fn decades_enclose_what_there_is() {
        assert_eq!(decades([0.5, 30.0].into_iter()), (-1, 2));
        assert_eq!(decades([1.0, 1.0].into_iter()), (0, 1));
        assert_eq!(decades([0.0].into_iter()), (-3, -2));
        assert_eq!(decades(std::iter::empty()), (-1, 1));
    }
}
