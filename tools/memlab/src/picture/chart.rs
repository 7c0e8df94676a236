// SPDX-License-Identifier: GPL-2.0

//! Plots of lines on logarithmic scales, as SVG that takes its ink from the page.

use super::series::{time, Series};
use crate::{
    error::{Error, Kind, Result},
    evidence::text::shown,
};
use plotters::prelude::*;

/// What the page's style knows these by: see page.css.
const GRID: RGBColor = RGBColor(0x80, 0x80, 0x81);
const INK: RGBColor = RGBColor(0x80, 0x80, 0x82);
/// Colours that are told apart on light and on dark paper.
pub const COLOURS: [RGBColor; 9] = [
    RGBColor(0x2f, 0x7e, 0xc8),
    RGBColor(0xd9, 0x6c, 0x06),
    RGBColor(0x1a, 0x96, 0x4a),
    RGBColor(0xc0, 0x38, 0xb0),
    RGBColor(0xd0, 0x3a, 0x3a),
    RGBColor(0x0d, 0x94, 0x9c),
    RGBColor(0x7c, 0x62, 0xe8),
    RGBColor(0x92, 0x78, 0x2a),
    RGBColor(0x70, 0x80, 0x90),
];

/// Where a line is to be marked.
pub struct Mark {
    /// Bytes.
    pub size: f64,
    /// What is there.
    pub label: String,
}

/// A line with a name.
pub struct Curve {
    /// Its name.
    pub name: String,
    /// Where it goes.
    pub points: Vec<(f64, f64)>,
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::new(Kind::File, format!("drawing: {error}"))
}

fn ends(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let least = values.clone().fold(f64::INFINITY, f64::min);
    let most = values.fold(0.0, f64::max);
    // Room of a third of a decade on both sides, and never nothing between them.
    (least / 2.0, most * 2.0)
}

/// Time against size, both logarithmic: a line for each way, with the band in which the medians of
/// the rounds lay.
pub fn sizes(all: &[Series], mark: Option<&Mark>, (width, height): (u32, u32)) -> Result<String> {
    let mut svg = String::new();
    {
        let points = || all.iter().flat_map(|series| &series.points);
        let (low, high) = ends(points().flat_map(|point| [point.low as f64, point.high as f64]));
        let least = points().map(|point| point.size).min().unwrap_or(1) as f64;
        let most = points().map(|point| point.size).max().unwrap_or(1) as f64;
        let root = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        let mut chart = ChartBuilder::on(&root)
            .margin(8)
            .margin_right(16)
            .x_label_area_size(32)
            .y_label_area_size(56)
            .build_cartesian_2d(
                (least / 1.5..most * 1.5).log_scale().base(4.0),
                (low..high).log_scale(),
            )
            .map_err(failed)?;
        let style = ("sans-serif", 13).into_font().color(&INK);
        chart
            .configure_mesh()
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(GRID)
            .label_style(style.clone())
            .x_labels(if width < 500 { 5 } else { 9 })
            .x_label_formatter(&|size| {
                // CAST: a number of bytes that is drawn.
                let bytes = size.round() as u64;
                // A power of 4 is exact in one unit; anything else would be a long number.
                if bytes.is_power_of_two() {
                    shown(bytes)
                } else {
                    String::new()
                }
            })
            .y_label_formatter(&|ns| time(*ns))
            .draw()
            .map_err(failed)?;
        for (series, colour) in all.iter().zip(COLOURS.iter().cycle()) {
            let upper = series
                .points
                .iter()
                .map(|point| (point.size as f64, point.high as f64));
            let lower = series
                .points
                .iter()
                .map(|point| (point.size as f64, point.low as f64));
            let band: Vec<(f64, f64)> = upper.chain(lower.rev()).collect();
            chart
                .draw_series([Polygon::new(band, colour.mix(0.22).filled())])
                .map_err(failed)?;
            let line = || {
                series
                    .points
                    .iter()
                    .map(|point| (point.size as f64, point.ns as f64))
            };
            chart
                .draw_series(LineSeries::new(line(), colour.stroke_width(2)))
                .map_err(failed)?;
            // What is hollow is at most so much.
            let dots = series.points.iter().map(|point| {
                let style = match point.below {
                    true => colour.stroke_width(2),
                    false => colour.filled(),
                };
                Circle::new((point.size as f64, point.ns as f64), 4, style)
            });
            chart.draw_series(dots).map_err(failed)?;
        }
        if let Some(mark) = mark {
            let line = [(mark.size, low), (mark.size, high)];
            chart
                .draw_series(DashedLineSeries::new(line, 4, 4, INK.stroke_width(1)))
                .map_err(failed)?;
            chart
                .draw_series([Text::new(
                    format!(" {}", mark.label),
                    (mark.size, high / 1.3),
                    style,
                )])
                .map_err(failed)?;
        }
        root.present().map_err(failed)?;
    }
    Ok(svg)
}

/// Where a percentile stands on a scale on which each nine is as wide as the one before.
fn place(per_cent: f64) -> f64 {
    -(1.0 - per_cent / 100.0).max(1e-6).log10()
}

/// Percentiles that are marked on the scale.
const MARKED: [f64; 5] = [0.0, 90.0, 99.0, 99.9, 99.99];

/// Time against percentile: a line for each way.
pub fn percentiles(all: &[Curve], (width, height): (u32, u32)) -> Result<String> {
    let mut svg = String::new();
    {
        let points = || all.iter().flat_map(|curve| &curve.points);
        let (low, high) = ends(points().map(|(_, ns)| *ns));
        let most = points().map(|(at, _)| place(*at)).fold(1.0, f64::max);
        let root = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        let mut chart = ChartBuilder::on(&root)
            .margin(8)
            .margin_right(16)
            .x_label_area_size(32)
            .y_label_area_size(56)
            .build_cartesian_2d(0.0..most, (low..high).log_scale())
            .map_err(failed)?;
        chart
            .configure_mesh()
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(GRID)
            .label_style(("sans-serif", 13).into_font().color(&INK))
            .x_labels(5)
            .x_label_formatter(&|at| {
                let marked = MARKED
                    .iter()
                    .find(|per_cent| (place(**per_cent) - at).abs() < 0.01);
                marked.map_or(String::new(), |per_cent| match *per_cent {
                    0.0 => "min".to_owned(),
                    per_cent => format!("p{per_cent}"),
                })
            })
            .y_label_formatter(&|ns| time(*ns))
            .draw()
            .map_err(failed)?;
        for (curve, colour) in all.iter().zip(COLOURS.iter().cycle()) {
            let line = curve.points.iter().map(|(at, ns)| (place(*at), *ns));
            chart
                .draw_series(LineSeries::new(line, colour.stroke_width(2)))
                .map_err(failed)?;
        }
        root.present().map_err(failed)?;
    }
    Ok(svg)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::series::Point;

    #[test]
    fn a_plot_has_a_line_a_band_and_its_mark() {
        let point = |size, ns| Point {
            size,
            ns,
            low: ns - 1,
            high: ns + 9,
            below: ns == 20,
        };
        let all = [Series {
            name: "dma-single".into(),
            points: vec![point(64, 20), point(4096, 30), point(65536, 500)],
        }];
        let mark = Mark {
            size: 256.0,
            label: "256".into(),
        };
        let svg = sizes(&all, Some(&mark), (640, 360)).unwrap();
        for part in [
            "<polyline",
            "<polygon",
            "viewBox=\"0 0 640 360\"",
            "#2F7EC8",
            " 256",
        ] {
            assert!(svg.contains(part), "{part}");
        }
        assert_eq!(svg.matches("<circle").count(), 3);
        assert!(!svg.contains("<script"));
    }

    #[test]
    fn each_nine_is_as_wide_as_the_one_before() {
        assert!((place(99.0) - 2.0).abs() < 1e-9 && (place(90.0) - 1.0).abs() < 1e-9);
        assert!(place(100.0).is_finite());
        let curve = Curve {
            name: "map".into(),
            points: vec![(0.0, 5.0), (50.0, 6.0), (99.9, 90.0)],
        };
        assert!(percentiles(&[curve], (360, 300))
            .unwrap()
            .contains("<polyline"));
    }
}
