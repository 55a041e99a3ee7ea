//! `report`: one HTML file that works offline.

use std::path::{Path, PathBuf};

use forethought_project::{CampaignHandle, Failure, file_error};
use forethought_report::{Chart, Charts, ReportInput, render};

use crate::args::{Arguments, Report};
use crate::exit::Exit;
use crate::file::write_file;
use crate::host::{campaign, now, pack_charts};
use crate::voice::say;

pub(crate) fn report(arguments: &Arguments, v: &Report) -> Result<Exit, Failure> {
    let loaded = campaign(arguments, &v.file)?;
    if let Some(name) = &v.chart {
        return chart(arguments, &loaded, name);
    }
    let path = write_report(&loaded, v.output.clone())?;
    if let Some(path) = path {
        if arguments.json {
            say(serde_json::json!({ "forethought": 1, "report": path }));
        } else {
            say(format!("Report: {path}"));
        }
    }
    Ok(Exit::Done)
}

/// Prints one picture, or the names of all.
fn chart(arguments: &Arguments, loaded: &CampaignHandle, name: &str) -> Result<Exit, Failure> {
    let read = loaded.read()?;
    let question = read.question(loaded)?;
    let insight = loaded.insight(&read, &question);
    let packs = pack_charts();
    let charts = Charts::new(&read.campaign, &insight, &packs).with_entries(&read.entries);
    let names = || charts.all().iter().map(Chart::to_string).collect::<Vec<_>>();
    if name == "list" {
        if arguments.json {
            say(serde_json::json!({ "forethought": 1, "charts": names() }));
        } else {
            names().iter().for_each(say);
        }
        return Ok(Exit::Done);
    }
    let there_are = || format!("there are {}", names().join(", "));
    let chart: Chart = name.parse().map_err(|e: forethought_report::ChartNameError| {
        Failure::yours("chart", e.to_string()).hint(there_are())
    })?;
    let figure = charts.draw(&chart).map_err(|why| Failure::yours("chart", why).hint(there_are()))?;
    say(figure.to_json());
    Ok(Exit::Done)
}

/// Writes the report; says where.
pub(crate) fn write_report(
    loaded: &CampaignHandle,
    output: Option<PathBuf>,
) -> Result<Option<String>, Failure> {
    let read = loaded.read()?;
    let question = read.question(loaded)?;
    let html = render(&ReportInput {
        campaign: &read.campaign,
        entries: &read.entries,
        insight: loaded.insight(&read, &question),
        generated: now(),
        command: &format!("forethought run {}", loaded.path.display()),
        packs: &pack_charts(),
        head: read.head.clone(),
    });
    let path = output.unwrap_or_else(|| {
        loaded.project().folder().reports().join(format!("{}.html", read.campaign.problem.name))
    });
    write_page(&path, &html)?;
    Ok(Some(path.display().to_string()))
}

/// Writes a page, with its folder.
pub(crate) fn write_page(path: &Path, html: &str) -> Result<(), Failure> {
    if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|e| file_error(folder, &e))?;
    }
    // A link that somebody planted is not followed.
    if path.is_symlink() {
        std::fs::remove_file(path).map_err(|e| file_error(path, &e))?;
    }
    write_file(path, html)
}
