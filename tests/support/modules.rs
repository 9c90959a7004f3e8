//! The modules of `src` and what each imports: `use` declarations, paths in the code, and what `pub use` passes on, all
//! followed to the file that defines the name.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::app::repository;

/// A path from the root of the crate.
pub type ModulePath = Vec<String>;

/// A file of `src`, without comments, texts and unit tests.
pub struct Module {
    /// From `src`, such as `mail/outbox.rs`.
    pub file: String,
    /// The file as it is, without unit tests.
    pub source: String,
    code: String,
    path: ModulePath,
    children: BTreeSet<String>,
    imports: Vec<Import>,
}

struct Import {
    is_public: bool,
    path: Vec<String>,
    /// The name in this file; `*` for all.
    name: String,
}

/// Every module, by its path.
pub struct Modules(BTreeMap<ModulePath, Module>);

impl Module {
    fn read(file: String, source: &str) -> Self {
        let source = source.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
        let code = code_of(&source);
        let mut path: ModulePath = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        if path.last().is_some_and(|last| last == "mod") || path == ["main"] {
            path.pop();
        }
        let (mut children, mut imports) = (BTreeSet::new(), Vec::new());
        for statement in code.split_inclusive([';', '{', '}']) {
            let words: Vec<&str> = statement.split_whitespace().collect();
            if let Some(place) = words.iter().position(|word| *word == "mod") {
                children.extend(words.get(place + 1).and_then(|word| word.strip_suffix(';')).map(str::to_owned));
            }
        }
        for (is_public, tree) in uses_of(&code) {
            let tokens = tokens_of(&tree);
            read_tree(&tokens, &mut 0, &[], &mut |path, name| imports.push(Import { is_public, path, name }));
        }
        Self { file, source, code, path, children, imports }
    }

    /// Whether the file is the room of this path, or in it.
    pub fn is_in(&self, room: &[String]) -> bool {
        self.path == room || self.room().starts_with(room)
    }

    /// The folder that the file is in; of a file at the top the file itself.
    fn room(&self) -> ModulePath {
        match self.file.rsplit_once('/') {
            Some((folder, _)) => folder.split('/').map(str::to_owned).collect(),
            None => vec![self.file.trim_end_matches(".rs").to_owned()],
        }
    }

    /// A path that is written in this file, from the root of the crate; none for another crate's.
    fn absolute(&self, written: &[String]) -> Option<ModulePath> {
        let (first, rest) = written.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([&self.path, rest].concat()),
            "super" => {
                let ups = written.iter().take_while(|part| *part == "super").count();
                let base = self.path.get(..self.path.len().checked_sub(ups)?)?;
                Some([base, written.get(ups..)?].concat())
            }
            child if self.children.contains(child) => Some([&self.path, written].concat()),
            _ => None,
        }
    }

    /// Paths in the code besides its `use` declarations, from the root of the crate.
    fn paths_in_code(&self) -> Vec<ModulePath> {
        let known: BTreeMap<&str, ModulePath> = self
            .imports
            .iter()
            .filter_map(|import| Some((import.name.as_str(), self.absolute(&import.path)?)))
            .chain(
                self.children
                    .iter()
                    .map(|child| (child.as_str(), [&self.path[..], std::slice::from_ref(child)].concat())),
            )
            .collect();
        let body = without_uses(&self.code);
        let mut found = Vec::new();
        for path in words_of(&body) {
            let parts: Vec<String> = path.split("::").map(str::to_owned).collect();
            match parts.first().map(String::as_str) {
                Some("crate" | "self" | "super") if parts.len() > 1 => found.extend(self.absolute(&parts)),
                // A word alone is a use of what the file passes on; of anything else its `use` tells.
                Some(first) if parts.len() > 1 || self.passes_on(first) => {
                    if let Some(base) = known.get(first) {
                        found.push([base, parts.get(1..).unwrap_or_default()].concat());
                    }
                }
                _ => {}
            }
        }
        found
    }

    fn passes_on(&self, name: &str) -> bool {
        self.imports.iter().any(|import| import.is_public && import.name == name)
    }
}

impl Modules {
    /// Reads `src`.
    pub fn read() -> Self {
        fn collect(folder: &Path, found: &mut Vec<Module>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    collect(&path, found);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let file = path.strip_prefix(repository().join("src")).unwrap().to_str().unwrap().to_owned();
                    found.push(Module::read(file, &fs::read_to_string(&path).unwrap()));
                }
            }
        }
        let mut found = Vec::new();
        collect(&repository().join("src"), &mut found);
        Self(found.into_iter().map(|module| (module.path.clone(), module)).collect())
    }

    /// Modules from texts, for the tests of this reader.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let read = |(file, source): &(&str, &str)| Module::read((*file).to_owned(), source);
        Self(files.iter().map(read).map(|module| (module.path.clone(), module)).collect())
    }

    /// Every module, by its path.
    pub fn all(&self) -> impl Iterator<Item = &Module> {
        self.0.values()
    }

    /// What each file imports: the files that define what it names.
    pub fn imports(&self) -> BTreeMap<String, BTreeSet<String>> {
        let of = |module: &Module| {
            let used = module.imports.iter().filter(|import| !import.is_public);
            let used = used.filter_map(|import| module.absolute(&import.path));
            // A module that is imported whole is used where the code names something in it.
            let used = used.filter(|path| !self.0.contains_key(path));
            let paths = used.chain(module.paths_in_code());
            let files = paths.filter_map(|path| self.definition(&path, 0)).map(|found| found.file.clone());
            (module.file.clone(), files.filter(|file| *file != module.file).collect())
        };
        self.0.values().map(of).collect()
    }

    /// The paths that a file writes into other modules, from the root of the crate.
    pub fn written(&self, module: &Module) -> Vec<ModulePath> {
        let used = module.imports.iter().filter_map(|import| module.absolute(&import.path));
        used.chain(module.paths_in_code()).collect()
    }

    /// The module that defines a name, behind every `pub use`.
    fn definition(&self, path: &[String], depth: usize) -> Option<&Module> {
        if depth > 10 {
            return None;
        }
        let mut place = 0;
        while place < path.len() && self.0.contains_key(path.get(..=place)?) {
            place += 1;
        }
        let module = self.0.get(path.get(..place)?)?;
        let Some(name) = path.get(place) else { return (!path.is_empty()).then_some(module) };
        let passed_on = module.imports.iter().filter(|import| import.is_public);
        for import in passed_on {
            let Some(target) = module.absolute(&import.path) else { continue };
            if import.name == *name {
                return self.definition(&[&target, path.get(place + 1..)?].concat(), depth + 1);
            }
            let defines = |found: &&Module| is_defined(&found.code, name);
            if import.name == "*" && self.0.get(&target).filter(defines).is_some() {
                return self.0.get(&target);
            }
        }
        // The crate's root defines nothing.
        (!module.path.is_empty()).then_some(module)
    }
}

/// The circles of a graph: sets of nodes that reach one another.
pub fn circles(edges: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<BTreeSet<String>> {
    let reach = |from: &String| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(node) = next.pop() {
            next.extend(edges.get(node).into_iter().flatten().filter(|other| seen.insert((*other).clone())));
        }
        seen
    };
    let reached: BTreeMap<&String, BTreeSet<String>> = edges.keys().map(|node| (node, reach(node))).collect();
    let meets = |one: &String, other: &String| reached.get(one).is_some_and(|seen| seen.contains(other));
    let circle = |node: &&String| -> BTreeSet<String> {
        reached.keys().filter(|other| meets(node, other) && meets(other, node)).map(|other| (**other).clone()).collect()
    };
    reached.keys().map(circle).filter(|circle| !circle.is_empty()).collect()
}

/// The code without comments, and with empty texts.
fn code_of(source: &str) -> String {
    let letters: Vec<char> = source.chars().collect();
    let starts = |place: usize, text: &str| text.chars().enumerate().all(|(at, c)| letters.get(place + at) == Some(&c));
    let (mut code, mut place) = (String::new(), 0);
    while let Some(&letter) = letters.get(place) {
        let is_in_word = place > 0 && letters.get(place - 1).is_some_and(|c| c.is_alphanumeric() || *c == '_');
        let hashes = |from: usize| letters.iter().skip(from).take_while(|c| **c == '#').count();
        let raw = ["r", "br"].iter().find(|prefix| {
            starts(place, prefix) && letters.get(place + prefix.len() + hashes(place + prefix.len())) == Some(&'"')
        });
        if starts(place, "//") {
            place += letters.iter().skip(place).take_while(|c| **c != '\n').count();
        } else if let Some(prefix) = raw.filter(|_| !is_in_word) {
            let hashes = hashes(place + prefix.len());
            let end = format!("\"{}", "#".repeat(hashes));
            place += prefix.len() + hashes + 1;
            while place < letters.len() && !starts(place, &end) {
                place += 1;
            }
            place += end.len();
        } else if letter == '"' {
            place += 1;
            while place < letters.len() && letters.get(place) != Some(&'"') {
                place += if letters.get(place) == Some(&'\\') { 2 } else { 1 };
            }
            place += 1;
        } else if letter == '\'' && (letters.get(place + 1) == Some(&'\\') || letters.get(place + 2) == Some(&'\'')) {
            place += 3;
            while letters.get(place - 1) != Some(&'\'') && place < letters.len() {
                place += 1;
            }
        } else {
            code.push(letter);
            place += 1;
        }
    }
    code
}

/// Where each `use` declaration begins and ends, whether it is public, and its tree.
fn declarations(code: &str) -> Vec<(std::ops::Range<usize>, bool, String)> {
    let mut found = Vec::new();
    let mut at = 0;
    for line in code.split_inclusive('\n') {
        let text = line.trim_start();
        let public = text
            .strip_prefix("pub ")
            .or_else(|| text.strip_prefix("pub(").and_then(|rest| Some(rest.split_once(") ")?.1)));
        if let Some(tree) = public.unwrap_or(text).strip_prefix("use ") {
            let start = at + line.len() - tree.len();
            let length = code.get(start..).and_then(|rest| rest.find(';')).unwrap_or(0);
            let tree = code.get(start..start + length).unwrap_or_default().to_owned();
            found.push((at..start + length + 1, public.is_some(), tree));
        }
        at += line.len();
    }
    found
}

fn uses_of(code: &str) -> Vec<(bool, String)> {
    declarations(code).into_iter().map(|(_, is_public, tree)| (is_public, tree)).collect()
}

fn without_uses(code: &str) -> String {
    let mut rest = code.to_owned();
    for (range, _, _) in declarations(code).into_iter().rev() {
        rest.replace_range(range.start..range.end.min(rest.len()), "");
    }
    rest
}

/// Paths and words of code, each as long as it is.
fn words_of(code: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    code.split(move |c| !is_part(c)).map(|word| word.trim_matches(':')).filter(|word| !word.is_empty())
}

fn tokens_of(tree: &str) -> Vec<String> {
    let spaced =
        ["{", "}", ",", "::"].iter().fold(tree.to_owned(), |text, sign| text.replace(sign, &format!(" {sign} ")));
    spaced.split_whitespace().map(str::to_owned).collect()
}

/// Reads one path of a `use` tree, or several in braces.
fn read_tree(tokens: &[String], place: &mut usize, before: &[String], found: &mut impl FnMut(Vec<String>, String)) {
    let mut path = before.to_vec();
    while let Some(token) = tokens.get(*place) {
        *place += 1;
        match token.as_str() {
            "::" => continue,
            "{" => {
                while tokens.get(*place).is_some_and(|token| token != "}") {
                    read_tree(tokens, place, &path, found);
                    if tokens.get(*place).is_some_and(|token| token == ",") {
                        *place += 1;
                    }
                }
                *place += 1;
                return;
            }
            "*" => return found(path, "*".to_owned()),
            "self" if !path.is_empty() => {
                let name = path.last().cloned().unwrap_or_default();
                return found(path, name);
            }
            part => path.push(part.to_owned()),
        }
        match tokens.get(*place).map(String::as_str) {
            Some("as") => {
                let name = tokens.get(*place + 1).cloned().unwrap_or_default();
                *place += 2;
                return found(path, name);
            }
            Some("::" | "{") => {}
            _ => {
                let name = path.last().cloned().unwrap_or_default();
                return found(path, name);
            }
        }
    }
}

fn is_defined(code: &str, name: &str) -> bool {
    let words: Vec<&str> = words_of(code).collect();
    let kinds = ["struct", "enum", "fn", "const", "static", "type", "trait", "macro_rules"];
    words.windows(2).any(|pair| matches!(pair, [kind, defined] if kinds.contains(kind) && *defined == name))
}
