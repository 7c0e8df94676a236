// SPDX-License-Identifier: GPL-2.0

//! What `claims --json` says, as one page: each sentence with its verdict, and what it follows from
//! as bars beside those of the control, and as a line where it is a course of time.

use super::escape;
use serde_json::Value;
use std::fmt::Write;

/// Whether these are such a report's bytes; it, if so.
pub fn report(bytes: &[u8]) -> Option<Value> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    // What a command prints stands below its name where it says more of itself.
    let inner = value.pointer("/found/claims").unwrap_or(&value);
    inner.get("claims")?.as_array()?;
    Some(inner.clone())
}

fn words<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or("")
}

fn items<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    let list = value.get(key).and_then(Value::as_array);
    list.into_iter().flatten()
}

/// The page. `about`: what a chapter is about, and what to read next.
pub fn page(report: &Value, about: impl Fn(&str) -> (String, String)) -> String {
    let title = format!(
        "What lectures say of memory, checked by Linux {}",
        words(report, "kernel")
    );
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=en><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width, initial-scale=1\">\
         <title>{0}</title>\n<style>\n{1}{2}</style>\n<h1>{0}</h1>\n",
        escape(&title),
        include_str!("page.css"),
        include_str!("claims.css")
    );
    let counted = ["holds", "holds-not", "depends", "not-shown"].map(|verdict| {
        let all = items(report, "claims");
        let of = all.filter(|claim| words(&claim["finding"], "verdict") == verdict);
        format!(
            "<span class=\"verdict {verdict}\">{}</span> {}",
            verdict.replace('-', " "),
            of.count()
        )
    });
    let _ = writeln!(
        html,
        "<p>{}. Bars: here, and below each, paler, the control.",
        counted.join(", ")
    );
    let mut chapter = "";
    for claim in items(report, "claims") {
        let of = words(claim, "id").split('.').next().unwrap_or("");
        if of != chapter {
            chapter = of;
            let (what, next) = about(of);
            let _ = writeln!(
                html,
                "<h2 id={0}>{0}: {1}</h2><small>Read next: {2}</small>",
                escape(of),
                escape(&what),
                escape(&next)
            );
        }
        claimed(&mut html, claim);
    }
    html
}

fn claimed(html: &mut String, claim: &Value) {
    let (finding, control) = (&claim["finding"], &claim["control"]);
    let verdict = words(finding, "verdict");
    let _ = writeln!(
        html,
        "<section><h3>{}: {}</h3><p><span class=\"verdict {verdict}\">{}</span> {}</p>",
        escape(words(claim, "id")),
        escape(words(claim, "sentence")),
        verdict.replace('-', " "),
        escape(words(finding, "because"))
    );
    if verdict != "not-shown" {
        let live = match control["live"].as_bool() {
            Some(true) => "Control",
            _ => "Supposed control",
        };
        let _ = writeln!(
            html,
            "<p><small>{live} ({}): {}</small></p>",
            escape(words(control, "what")),
            escape(words(&control["finding"], "because"))
        );
        figures(html, claim);
    }
    html.push_str("</section>\n");
}

fn figures(html: &mut String, claim: &Value) {
    let all: Vec<&Value> = items(claim, "evidence").collect();
    let other = |name: &str| {
        let mut found = items(&claim["control"], "evidence");
        found
            .find(|figure| words(figure, "name") == name)
            .map(|figure| &figure["value"])
    };
    html.push_str("<div class=bars>");
    for figure in &all {
        let (name, unit) = (words(figure, "name"), words(figure, "unit"));
        let source = escape(words(figure, "source"));
        match &figure["value"] {
            Value::Number(number) => {
                // Bars of one unit are as long as each other's.
                let same = all.iter().filter(|other| words(other, "unit") == unit);
                let here = same.flat_map(|of| {
                    let there = other(words(of, "name")).and_then(Value::as_f64);
                    [of["value"].as_f64(), there]
                });
                let most = here.flatten().fold(0.0, f64::max);
                let _ = write!(
                    html,
                    "<div title=\"{source}\"><span>{}</span>",
                    escape(name)
                );
                let there = other(name).and_then(Value::as_f64);
                html.push_str("<span class=both>");
                for (class, value) in [("here", number.as_f64()), ("control", there)] {
                    let Some(value) = value else { continue };
                    let width = if most > 0.0 {
                        100.0 * value.max(0.0) / most
                    } else {
                        0.0
                    };
                    let _ = write!(
                        html,
                        "<span class={class}><i style=\"width:{width:.1}%\"></i>{} {}</span>",
                        shown(value),
                        escape(unit)
                    );
                }
                html.push_str("</span></div>");
            }
            Value::Array(points) => line(html, name, points, &all),
            value => {
                let text = value.as_str().unwrap_or("");
                let there = other(name).and_then(Value::as_str).unwrap_or("");
                let _ = write!(
                    html,
                    "<div title=\"{source}\"><span>{}</span><span class=both><span>{}</span>\
                     <span class=pale>{}</span></span></div>",
                    escape(name),
                    escape(text),
                    escape(there)
                );
            }
        }
    }
    html.push_str("</div>");
}

fn shown(value: f64) -> String {
    match value.fract() == 0.0 {
        true => format!("{value:.0}"),
        false => format!("{value:.2}"),
    }
}

/// A course of time, with the figures that are marks of it as lines across.
fn line(html: &mut String, name: &str, points: &[Value], all: &[&Value]) {
    const WIDTH: f64 = 860.0;
    const HEIGHT: f64 = 220.0;
    let pairs: Vec<(f64, f64)> = points
        .iter()
        .filter_map(|point| Some((point.get(0)?.as_f64()?, point.get(1)?.as_f64()?)))
        .collect();
    let end = pairs.last().map_or(1.0, |(at, _)| at.max(1e-9));
    let most = pairs.iter().map(|(_, value)| *value).fold(1.0, f64::max);
    let y = |value: f64| HEIGHT - (HEIGHT - 12.0) * value / most;
    let path: Vec<String> = pairs
        .iter()
        .map(|(at, value)| format!("{:.1},{:.1}", WIDTH * at / end, y(*value)))
        .collect();
    let _ = write!(
        html,
        "<figure><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=img aria-label=\"{}\">",
        escape(name)
    );
    for mark in ["min", "low", "high", "limit"] {
        let found = all.iter().find(|figure| words(figure, "name") == mark);
        if let Some(value) = found.and_then(|figure| figure["value"].as_f64()) {
            let at = y(value);
            let _ = write!(
                html,
                "<line class=mark x1=0 x2={WIDTH} y1={at:.1} y2={at:.1} /><text x={:.0} y={:.1}>{mark}</text>",
                WIDTH - 34.0 * (1.0 + ["high", "low", "min", "limit"].iter().position(|m| *m == mark).unwrap_or(0) as f64),
                at - 2.0
            );
        }
    }
    let _ = write!(
        html,
        "<polyline points=\"{}\" /></svg><figcaption>{}: up to {} over {:.1} s</figcaption></figure>",
        path.join(" "),
        escape(name),
        shown(most),
        end / 1e3
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = r#"{"kernel":"7.3","claims":[{"id":"page.lazy","sentence":"a < b",
        "finding":{"verdict":"holds","branch":"","because":"1 of 2"},
        "evidence":[{"name":"rss","value":12.0,"unit":"KiB","source":"status"},
            {"name":"low","value":5.0,"unit":"","source":"x"},
            {"name":"course","value":[[0.0,10.0],[20.0,4.0]],"unit":"pages","source":"zoneinfo"}],
        "control":{"what":"c","live":true,"finding":{"verdict":"holds-not","because":"no"},
            "evidence":[{"name":"rss","value":24.0,"unit":"KiB","source":"status"}]}}]}"#;

    #[test]
    fn a_claim_has_bars_beside_the_controls_and_a_line() {
        let found = report(REPORT.as_bytes()).unwrap();
        let html = page(&found, |_| ("pages".into(), "a.rst".into()));
        assert!(html.contains("page.lazy: a &lt; b"));
        assert!(html.contains("width:50.0%") && html.contains("width:100.0%"));
        assert!(html.contains("<polyline") && html.contains(">low</text>"));
        assert!(html.contains("verdict holds\">holds</span> 1"));
    }

    #[test]
    fn a_recording_is_no_such_report() {
        assert!(report(br#"{"format":"memlab-recording"}"#).is_none());
        assert!(report(b"nothing").is_none());
    }
}
