//! One picture, defined once as plotly JSON.

use maud::{Markup, PreEscaped, html};
use serde_json::{Value, json};

/// Okabe and Ito's colours (Color Universal Design, 2008): told apart by nearly everybody. The page's script swaps those
/// that are too dark on a dark page.
pub(crate) const BLUE: &str = "#0072B2";
pub(crate) const ORANGE: &str = "#E69F00";
pub(crate) const GREEN: &str = "#009E73";
pub(crate) const VERMILLION: &str = "#D55E00";
pub(crate) const PURPLE: &str = "#CC79A7";
pub(crate) const GREY: &str = "#7A828C";
pub(crate) const INK: &str = "#1B1F24";
/// Blue, for areas.
pub(crate) const BAND: &str = "rgba(0,114,178,0.16)";
/// Vermillion, for ground beyond a limit.
pub(crate) const FORBIDDEN: &str = "rgba(213,94,0,0.10)";
/// Grey, for phases.
pub(crate) const SHADE: &str = "rgba(122,130,140,0.10)";
/// Heights in CSS pixels.
const HEIGHT: u32 = 380;

/// One picture: traces and layout as plotly knows them, with words for those who don't see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    id: String,
    title: String,
    caption: String,
    height: u32,
    small: bool,
    traces: Vec<Value>,
    layout: Value,
}

impl Figure {
    /// An empty picture. `id` is unique on its page; `caption` says in words what is to be seen.
    pub fn new(id: impl Into<String>, title: impl Into<String>, caption: impl Into<String>) -> Self {
        Figure {
            id: id.into(),
            title: title.into(),
            caption: caption.into(),
            height: HEIGHT,
            small: false,
            traces: Vec::new(),
            layout: json!({}),
        }
    }

    /// With another height, in CSS pixels.
    #[must_use]
    pub fn height(mut self, pixels: u32) -> Self {
        self.height = pixels;
        self
    }

    /// Drawn with little room around it, its caption for those only who don't see it.
    #[must_use]
    pub fn small(mut self) -> Self {
        self.small = true;
        self
    }

    /// With one more trace.
    #[must_use]
    pub fn trace(mut self, trace: Value) -> Self {
        self.traces.push(trace);
        self
    }

    /// With this layout; colours and fonts come from the page.
    #[must_use]
    pub fn layout(mut self, layout: Value) -> Self {
        self.layout = layout;
        self
    }

    /// Its title.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What is to be seen, in words.
    pub fn caption(&self) -> &str {
        &self.caption
    }

    /// As plotly reads it, in a browser or in Python.
    pub fn to_json(&self) -> Value {
        json!({ "data": self.traces, "layout": self.layout })
    }

    /// As HTML: the box in which the page's script draws, and the JSON that it draws from.
    pub(crate) fn markup(&self) -> Markup {
        let name = format!("name-{}", self.id);
        html! {
            figure.small[self.small] aria-labelledby=(name) {
                figcaption {
                    h3 id=(name) { (self.title) }
                    @if !self.small { p { (self.caption) } }
                }
                div.plot.small[self.small] id=(self.id) role="img" aria-label={ (self.title) ". " (self.caption) }
                    style={ "height:" (self.height) "px" } {}
                script type="application/json" id={ "json-" (self.id) } {
                    (PreEscaped(script_json(&self.to_json())))
                }
            }
        }
    }
}

/// JSON that can stand in a `<script>` element whatever its texts hold: `<`, `>`, `&` and the two line separators of
/// Unicode are written as escapes, so that nothing can end the element.
pub fn script_json(value: &Value) -> String {
    let text = value.to_string();
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    for c in text.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c => out.push(c),
        }
    }
    out
}

/// A text for plotly, which reads a little HTML in titles, labels and names: shown as it stands.
pub(crate) fn plain(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// An axis with its title.
pub(crate) fn axis(title: &str) -> Value {
    json!({ "title": { "text": title } })
}

/// Ends of an interval as plotly's asymmetric error bars around `centre`.
pub(crate) fn bars(centre: &[f64], ends: &[(f64, f64)], color: &str) -> Value {
    let up: Vec<f64> = centre.iter().zip(ends).map(|(c, e)| (e.1 - c).max(0.0)).collect();
    let down: Vec<f64> = centre.iter().zip(ends).map(|(c, e)| (c - e.0).max(0.0)).collect();
    json!({
        "type": "data", "symmetric": false, "array": up, "arrayminus": down,
        "color": color, "thickness": 1, "width": 0,
    })
}
