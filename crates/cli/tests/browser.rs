//! The report in a real browser: every figure draws, offline. Skips, and says so, without Chromium.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::process::Command;

use common::Folder;

fn chromium() -> Option<&'static str> {
    ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
        .into_iter()
        .find(|p| std::path::Path::new(p).exists())
}

#[test]
fn every_figure_of_the_report_draws_offline() {
    let Some(chromium) = chromium() else {
        assert!(std::env::var("FORETHOUGHT_PEERS").as_deref() != Ok("all"), "Chromium is missing");
        eprintln!("skipped: no Chromium here (`apt-get install chromium`)");
        return;
    };
    let bracket = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/bracket/bracket.toml");
    let text = std::fs::read_to_string(bracket).unwrap();
    let folder = Folder::new(&text.replace("trials = 80", "trials = 22").replace("takes", "# takes"));
    folder.run(&["run", "campaign.toml", "--quiet"], 0);
    let page = folder.path("reports/bracket.html");
    let html = std::fs::read_to_string(&page).unwrap();
    // The page forbids itself to reach outside; the drawing library's own text is full of addresses.
    assert!(html.contains("Content-Security-Policy") && html.contains("default-src 'none'"));
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--enable-unsafe-swiftshader", "--virtual-time-budget=20000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}#all", page.display()))
        .output()
        .unwrap();
    let dom = String::from_utf8_lossy(&output.stdout);
    let of = |page: &str, drawn: &str| -> usize {
        ["plot", "plot small"]
            .map(|class| page.matches(&format!("class=\"{class}{drawn}\"")).count())
            .iter()
            .sum()
    };
    let (declared, drawn) = (of(&html, ""), of(&dom, " js-plotly-plot"));
    assert!(html.len() < 2_000_000, "the report has {} bytes", html.len());
    assert!(declared >= 8, "only {declared} figures are declared");
    assert_eq!(drawn, declared, "figures that did not draw");
}
