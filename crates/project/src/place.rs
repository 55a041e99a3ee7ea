//! Where a campaign or world file is, and where its record stands.

use std::path::{Path, PathBuf};

use forethought_memory::Folder;

use crate::failure::Failure;

/// A file and its project.
#[derive(Debug, Clone)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// Of the file: what it names is looked for here.
    pub dir: PathBuf,
    /// Where its record stands.
    pub folder: Folder,
}

impl Place {
    /// The campaign file at `path`, or the one in that folder; its record in `project`, or beside the file. A link stands for
    /// what it leads to: two of them are one campaign, whose machines are driven once.
    ///
    /// # Errors
    /// Where there is no such file or not just one, or a record stands beside a link that leads elsewhere.
    pub fn of(path: &Path, project: Option<PathBuf>) -> Result<Self, Failure> {
        let named = file(path)?;
        let unreadable =
            |e: std::io::Error| Failure::yours("unreadable", format!("{}: {e}", named.display()));
        let path = if named.is_symlink() {
            std::fs::canonicalize(&named).map_err(unreadable)?
        } else {
            named.clone()
        };
        let dir = parent(&path);
        let place = |project| Place { path: path.clone(), dir: dir.clone(), folder: Folder::new(project) };
        if let Some(project) = project {
            return Ok(place(project));
        }
        let place = place(dir.clone());
        place.check_no_record_at(&named)?;
        Ok(place)
    }

    /// A record that was made beside a link, before links were followed, must not be left behind unseen.
    fn check_no_record_at(&self, link: &Path) -> Result<(), Failure> {
        let (here, there) = (parent(link), parent(&self.path));
        let is_same = std::fs::canonicalize(&here).ok() == std::fs::canonicalize(&there).ok();
        let beside = Folder::new(&here);
        if is_same || !(beside.journal().exists() || beside.head().exists()) {
            return Ok(());
        }
        let (link, file) = (link.display(), self.path.display());
        let message = format!(
            "{link} is a link to {file}, and a record stands beside the link: is it that of the campaign?"
        );
        Err(Failure::yours("link", message).hint(format!(
            "move forethought.*, episodes.db* and runs/ beside {file}, or say `--project {}`",
            here.display()
        )))
    }
}

fn parent(path: &Path) -> PathBuf {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

/// The campaign file in a folder, or the file itself.
fn file(path: &Path) -> Result<PathBuf, Failure> {
    if !path.is_dir() {
        if path.exists() {
            return Ok(path.to_owned());
        }
        return Err(Failure::yours("no-file", format!("there is no file {}", path.display()))
            .hint("`forethought init` makes one"));
    }
    let list = std::fs::read_dir(path)
        .map_err(|e| Failure::yours("unreadable", format!("{}: {e}", path.display())))?;
    let mut found: Vec<PathBuf> = list
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|e| e == "toml"))
        .filter(|p| {
            std::fs::read_to_string(p)
                .is_ok_and(|t| t.lines().any(|l| l.trim_start().starts_with("forethought")))
        })
        .collect();
    found.sort();
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(Failure::yours("no-file", format!("there is no campaign file in {}", path.display()))
            .hint("`forethought init` makes one")),
        n => Err(Failure::yours("no-file", format!("there are {n} campaign files in {}", path.display()))
            .hint(format!("name one, such as {}", found[0].display()))),
    }
}
