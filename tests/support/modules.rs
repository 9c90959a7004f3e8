//! The modules of `src` and what each imports: `use` declarations, paths in the code, and re-exports, all
//! followed to the file that defines the name.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::app::repository;

/// A path from the root of the crate.
pub type ModulePath = Vec<String>;

/// A file of `src`.
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
        let code = strip_comments_and_strings(&source);
        let mut path: ModulePath = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        if path.last().is_some_and(|last| last == "mod") || path == ["main"] {
            path.pop();
        }
        let (mut children, mut imports) = (BTreeSet::new(), Vec::new());
        for statement in code.split_inclusive([';', '{', '}']) {
            let words: Vec<&str> = statement.split_whitespace().collect();
            if let Some(position) = words.iter().position(|word| *word == "mod") {
                children.extend(words.get(position + 1).and_then(|word| word.strip_suffix(';')).map(str::to_owned));
            }
        }
        for (is_public, tree) in use_trees(&code) {
            let tokens = tokenise(&tree);
            read_tree(&tokens, &mut 0, &[], &mut |path, name| imports.push(Import { is_public, path, name }));
        }
        Self { file, source, code, path, children, imports }
    }

    /// Whether the file is in the folder of this path.
    pub fn is_in(&self, folder: &[String]) -> bool {
        self.path == folder || self.folder().starts_with(folder)
    }

    /// The folder that the file is in; of a file at the top the file itself.
    fn folder(&self) -> ModulePath {
        match self.file.rsplit_once('/') {
            Some((folder, _)) => folder.split('/').map(str::to_owned).collect(),
            None => vec![self.file.trim_end_matches(".rs").to_owned()],
        }
    }

    /// The absolute path of a path in this file; `None` for other crates.
    fn absolute(&self, relative: &[String]) -> Option<ModulePath> {
        let (first, rest) = relative.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([&self.path, rest].concat()),
            "super" => {
                let super_count = relative.iter().take_while(|part| *part == "super").count();
                let base = self.path.get(..self.path.len().checked_sub(super_count)?)?;
                Some([base, relative.get(super_count..)?].concat())
            }
            child if self.children.contains(child) => Some([&self.path, relative].concat()),
            _ => None,
        }
    }

    /// Paths in the code besides its `use` declarations, from the root of the crate.
    fn paths_in_code(&self) -> Vec<ModulePath> {
        let names: BTreeMap<&str, ModulePath> = self
            .imports
            .iter()
            .filter_map(|import| Some((import.name.as_str(), self.absolute(&import.path)?)))
            .chain(
                self.children
                    .iter()
                    .map(|child| (child.as_str(), [&self.path[..], std::slice::from_ref(child)].concat())),
            )
            .collect();
        let body = remove_uses(&self.code);
        let mut found = Vec::new();
        for path in paths_and_names(&body) {
            let parts: Vec<String> = path.split("::").map(str::to_owned).collect();
            match parts.first().map(String::as_str) {
                Some("crate" | "self" | "super") if parts.len() > 1 => found.extend(self.absolute(&parts)),
                // A single name counts only if the file re-exports it; `use` declarations tell the rest.
                Some(first) if parts.len() > 1 || self.reexports(first) => {
                    if let Some(base) = names.get(first) {
                        found.push([base, parts.get(1..).unwrap_or_default()].concat());
                    }
                }
                _ => {}
            }
        }
        found
    }

    fn reexports(&self, name: &str) -> bool {
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
    pub fn from_texts(files: &[(&str, &str)]) -> Self {
        let read = |(file, source): &(&str, &str)| Module::read((*file).to_owned(), source);
        Self(files.iter().map(read).map(|module| (module.path.clone(), module)).collect())
    }

    /// Every module, by its path.
    pub fn all(&self) -> impl Iterator<Item = &Module> {
        self.0.values()
    }

    /// What each file imports: the files that define what it names.
    pub fn imports(&self) -> BTreeMap<String, BTreeSet<String>> {
        let imports_of = |module: &Module| {
            let used = module.imports.iter().filter(|import| !import.is_public);
            let used = used.filter_map(|import| module.absolute(&import.path));
            // A module that is imported whole is used where the code names something in it.
            let used = used.filter(|path| !self.0.contains_key(path));
            let paths = used.chain(module.paths_in_code());
            let files = paths.filter_map(|path| self.definition(&path, 0)).map(|found| found.file.clone());
            (module.file.clone(), files.filter(|file| *file != module.file).collect())
        };
        self.0.values().map(imports_of).collect()
    }

    /// The absolute paths into other modules in a file.
    pub fn absolute_paths(&self, module: &Module) -> Vec<ModulePath> {
        let used = module.imports.iter().filter_map(|import| module.absolute(&import.path));
        used.chain(module.paths_in_code()).collect()
    }

    /// The module that defines a name, behind every `pub use`.
    fn definition(&self, path: &[String], depth: usize) -> Option<&Module> {
        if depth > 10 {
            return None;
        }
        let mut position = 0;
        while position < path.len() && self.0.contains_key(path.get(..=position)?) {
            position += 1;
        }
        let module = self.0.get(path.get(..position)?)?;
        let Some(name) = path.get(position) else { return (!path.is_empty()).then_some(module) };
        let reexported = module.imports.iter().filter(|import| import.is_public);
        for import in reexported {
            let Some(target) = module.absolute(&import.path) else { continue };
            if import.name == *name {
                return self.definition(&[&target, path.get(position + 1..)?].concat(), depth + 1);
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

/// The cycles of a graph: sets of nodes that reach one another.
pub fn cycles(edges: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<BTreeSet<String>> {
    let reachable_from = |from: &String| {
        let (mut visited, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(node) = next.pop() {
            next.extend(edges.get(node).into_iter().flatten().filter(|other| visited.insert((*other).clone())));
        }
        visited
    };
    let reachable: BTreeMap<&String, BTreeSet<String>> =
        edges.keys().map(|node| (node, reachable_from(node))).collect();
    let reaches_each_other =
        |one: &String, other: &String| reachable.get(one).is_some_and(|visited| visited.contains(other));
    let circle = |node: &&String| -> BTreeSet<String> {
        reachable
            .keys()
            .filter(|other| reaches_each_other(node, other) && reaches_each_other(other, node))
            .map(|other| (**other).clone())
            .collect()
    };
    reachable.keys().map(circle).filter(|circle| !circle.is_empty()).collect()
}

/// The code without comments and with empty strings.
fn strip_comments_and_strings(source: &str) -> String {
    let letters: Vec<char> = source.chars().collect();
    let starts =
        |position: usize, text: &str| text.chars().enumerate().all(|(at, c)| letters.get(position + at) == Some(&c));
    let (mut code, mut position) = (String::new(), 0);
    while let Some(&letter) = letters.get(position) {
        let is_in_word = position > 0 && letters.get(position - 1).is_some_and(|c| c.is_alphanumeric() || *c == '_');
        let hashes = |from: usize| letters.iter().skip(from).take_while(|c| **c == '#').count();
        let raw = ["r", "br"].iter().find(|prefix| {
            starts(position, prefix)
                && letters.get(position + prefix.len() + hashes(position + prefix.len())) == Some(&'"')
        });
        if starts(position, "//") {
            position += letters.iter().skip(position).take_while(|c| **c != '\n').count();
        } else if let Some(prefix) = raw.filter(|_| !is_in_word) {
            let hashes = hashes(position + prefix.len());
            let end = format!("\"{}", "#".repeat(hashes));
            position += prefix.len() + hashes + 1;
            while position < letters.len() && !starts(position, &end) {
                position += 1;
            }
            position += end.len();
        } else if letter == '"' {
            position += 1;
            while position < letters.len() && letters.get(position) != Some(&'"') {
                position += if letters.get(position) == Some(&'\\') { 2 } else { 1 };
            }
            position += 1;
        } else if letter == '\''
            && (letters.get(position + 1) == Some(&'\\') || letters.get(position + 2) == Some(&'\''))
        {
            position += 3;
            while letters.get(position - 1) != Some(&'\'') && position < letters.len() {
                position += 1;
            }
        } else {
            code.push(letter);
            position += 1;
        }
    }
    code
}

/// Range, visibility and tree of each `use` declaration.
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

fn use_trees(code: &str) -> Vec<(bool, String)> {
    declarations(code).into_iter().map(|(_, is_public, tree)| (is_public, tree)).collect()
}

fn remove_uses(code: &str) -> String {
    let mut rest = code.to_owned();
    for (range, _, _) in declarations(code).into_iter().rev() {
        rest.replace_range(range.start..range.end.min(rest.len()), "");
    }
    rest
}

/// The paths and names in code.
fn paths_and_names(code: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    code.split(move |c| !is_part(c)).map(|word| word.trim_matches(':')).filter(|word| !word.is_empty())
}

fn tokenise(tree: &str) -> Vec<String> {
    let spaced =
        ["{", "}", ",", "::"].iter().fold(tree.to_owned(), |text, sign| text.replace(sign, &format!(" {sign} ")));
    spaced.split_whitespace().map(str::to_owned).collect()
}

/// Reads one path of a `use` tree, or several in braces.
fn read_tree(tokens: &[String], position: &mut usize, before: &[String], found: &mut impl FnMut(Vec<String>, String)) {
    let mut path = before.to_vec();
    while let Some(token) = tokens.get(*position) {
        *position += 1;
        match token.as_str() {
            "::" => continue,
            "{" => {
                while tokens.get(*position).is_some_and(|token| token != "}") {
                    read_tree(tokens, position, &path, found);
                    if tokens.get(*position).is_some_and(|token| token == ",") {
                        *position += 1;
                    }
                }
                *position += 1;
                return;
            }
            "*" => return found(path, "*".to_owned()),
            "self" if !path.is_empty() => {
                let name = path.last().cloned().unwrap_or_default();
                return found(path, name);
            }
            part => path.push(part.to_owned()),
        }
        match tokens.get(*position).map(String::as_str) {
            Some("as") => {
                let name = tokens.get(*position + 1).cloned().unwrap_or_default();
                *position += 2;
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
    let words: Vec<&str> = paths_and_names(code).collect();
    let kinds = ["struct", "enum", "fn", "const", "static", "type", "trait", "macro_rules"];
    words.windows(2).any(|pair| matches!(pair, [kind, defined] if kinds.contains(kind) && *defined == name))
}
