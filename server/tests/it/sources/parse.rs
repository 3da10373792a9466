//! Reads module trees with syn: which modules there are, what each of them names and defines.
//!
//! Test code (`#[cfg(test)]`, `#[test]`) is left out.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, File, Item, UseTree,
    visit::{self, Visit},
};

/// A path from the root of the crate, `["crate", "chat", "room"]`, or from that of another crate.
pub(super) type ModulePath = Vec<String>;

/// A module with a file of its own.
pub(super) struct Module {
    /// The file, relative to the repository.
    pub(super) file: String,
    pub(super) path: ModulePath,
    /// Every path of two segments or more in the code, and every path that is imported.
    pub(super) named: BTreeSet<ModulePath>,
    /// The names of the types, functions, modules, constants, variants and fields.
    pub(super) defined: Vec<String>,
}

/// The modules of one crate by their paths.
pub(super) struct Crate {
    pub(super) modules: BTreeMap<ModulePath, Module>,
}

impl Crate {
    /// Reads the module tree that begins in `root`, such as `server/src/lib.rs`.
    pub(super) fn read(root: &str) -> Crate {
        let mut modules = BTreeMap::new();
        read_module(&repository().join(root), vec!["crate".to_owned()], &mut modules);
        Crate { modules }
    }

    /// A crate of these modules, each with its path instead of a file.
    pub(super) fn from_sources(sources: &[(&str, &str)]) -> Crate {
        let read = |(path, source): &(&str, &str)| {
            let module_path: ModulePath = path.split("::").map(str::to_owned).collect();
            let Reader { named, defined, .. } =
                Reader::read(&syn::parse_file(source).unwrap(), module_path.clone());
            (module_path.clone(), Module { file: (*path).to_owned(), path: module_path, named, defined })
        };
        Crate { modules: sources.iter().map(read).collect() }
    }

    /// The modules that `module` imports from, except its ancestors: a folder is one thing to its files.
    pub(super) fn imports(&self, module: &Module) -> BTreeSet<ModulePath> {
        let owners = module.named.iter().filter_map(|named| self.owner(named));
        owners.filter(|owner| !module.path.starts_with(owner)).cloned().collect()
    }

    /// The module in which `named` is defined: the longest module path that it begins with.
    fn owner(&self, named: &[String]) -> Option<&ModulePath> {
        let mut lengths = (1..=named.len()).rev();
        lengths.find_map(|length| self.modules.get_key_value(&named[..length])).map(|(path, _)| path)
    }
}

pub(super) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The files below a folder with one of these extensions, except what tools put there.
pub(super) fn files(folder: &str, extensions: &[&str]) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![repository().join(folder)]);
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() && !path.ends_with("target") && !path.ends_with("node_modules") {
                folders.push(path);
            } else if path.extension().is_some_and(|of_path| extensions.iter().any(|one| of_path == *one)) {
                found.push(path);
            }
        }
    }
    found
}

fn read_module(file: &Path, path: ModulePath, modules: &mut BTreeMap<ModulePath, Module>) {
    let failed = |error: &dyn std::fmt::Display| -> ! { panic!("{}: {error}", file.display()) };
    let source = fs::read_to_string(file).unwrap_or_else(|error| failed(&error));
    let parsed = syn::parse_file(&source).unwrap_or_else(|error| failed(&error));
    let reader = Reader::read(&parsed, path.clone());
    let folder = match file.file_stem().and_then(|stem| stem.to_str()) {
        Some("mod" | "lib" | "main") => file.parent().unwrap().to_owned(),
        _ => file.with_extension(""),
    };
    for child in reader.children {
        let candidates = [folder.join(format!("{child}.rs")), folder.join(&child).join("mod.rs")];
        // An inline module has no file.
        if let Some(file) = candidates.iter().find(|file| file.is_file()) {
            read_module(file, joined(&path, &child), modules);
        }
    }
    let file = file.strip_prefix(repository()).unwrap().display().to_string();
    let module = Module { file, path: path.clone(), named: reader.named, defined: reader.defined };
    modules.insert(path, module);
}

/// Collects what one file names and defines.
pub(super) struct Reader {
    /// The module that is being read: the file's, or an inline one in it.
    path: ModulePath,
    children: BTreeSet<String>,
    /// What each imported name stands for.
    imported: BTreeMap<String, ModulePath>,
    pub(super) named: BTreeSet<ModulePath>,
    pub(super) defined: Vec<String>,
}

impl Reader {
    pub(super) fn read(file: &File, path: ModulePath) -> Reader {
        let child = |item: &Item| match item {
            Item::Mod(module) if !is_for_tests(&module.attrs) => Some(module.ident.to_string()),
            _ => None,
        };
        let children = file.items.iter().filter_map(child).collect();
        let (imported, named) = (BTreeMap::new(), BTreeSet::new());
        let mut reader = Reader { path, children, imported, named, defined: Vec::new() };
        reader.visit_file(file);
        let named = std::mem::take(&mut reader.named);
        reader.named = named.into_iter().map(|path| reader.with_imports(path)).collect();
        reader
    }

    /// A path with its first segment replaced by what it was imported as.
    fn with_imports(&self, path: ModulePath) -> ModulePath {
        match self.imported.get(&path[0]) {
            Some(imported) => imported.iter().chain(&path[1..]).cloned().collect(),
            None => path,
        }
    }

    /// Adds a path as the code has it, which has at least one segment.
    fn name(&mut self, segments: &[String]) -> ModulePath {
        let (first, rest) = segments.split_first().unwrap();
        let mut path = match first.as_str() {
            "self" => self.path.clone(),
            "super" => parent(&self.path),
            child if self.children.contains(child) => joined(&self.path, child),
            _ => vec![first.clone()],
        };
        for segment in rest {
            match segment.as_str() {
                "super" => path = parent(&path),
                "self" => {}
                segment => path.push(segment.to_owned()),
            }
        }
        self.named.insert(path.clone());
        path
    }

    /// Adds the path of an import that makes it known by a name.
    fn name_import(&mut self, segments: &[String], alias: Option<&syn::Ident>) {
        let path = self.name(segments);
        let name = alias.map(ToString::to_string).or_else(|| path.last().cloned());
        self.imported.extend(name.map(|name| (name, path)));
    }

    fn name_if_path(&mut self, segments: &[String]) {
        if segments.len() > 1 {
            self.name(segments);
        }
    }

    fn import(&mut self, tree: &UseTree, before: &[String]) {
        match tree {
            UseTree::Path(path) => self.import(&path.tree, &joined(before, &path.ident.to_string())),
            UseTree::Name(name) => self.name_import(&joined(before, &name.ident.to_string()), None),
            UseTree::Rename(rename) => {
                let alias = Some(&rename.rename);
                self.name_import(&joined(before, &rename.ident.to_string()), alias);
            }
            UseTree::Glob(_) => drop(self.name(before)),
            UseTree::Group(group) => group.items.iter().for_each(|item| self.import(item, before)),
        }
    }

    /// Finds the paths in the arguments of a macro, which syn leaves as tokens.
    fn read_tokens(&mut self, tokens: TokenStream) {
        let (mut path, mut colons) = (Vec::new(), 0);
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' && !path.is_empty() && colons < 2 => {
                    colons += 1;
                    continue;
                }
                TokenTree::Ident(ident) if colons == 2 => path.push(ident.to_string()),
                other => {
                    self.name_if_path(&std::mem::take(&mut path));
                    match other {
                        TokenTree::Ident(ident) => path.push(ident.to_string()),
                        TokenTree::Group(group) => self.read_tokens(group.stream()),
                        _ => {}
                    }
                }
            }
            colons = 0;
        }
        self.name_if_path(&path);
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        if is_for_tests(attributes(item)) {
            return;
        }
        let name = match item {
            Item::Struct(item) => Some(&item.ident),
            Item::Enum(item) => Some(&item.ident),
            Item::Trait(item) => Some(&item.ident),
            Item::Type(item) => Some(&item.ident),
            Item::Mod(item) => Some(&item.ident),
            Item::Const(item) => Some(&item.ident),
            Item::Static(item) => Some(&item.ident),
            _ => None,
        };
        self.defined.extend(name.map(ToString::to_string));
        visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        self.path.push(module.ident.to_string());
        visit::visit_item_mod(self, module);
        self.path.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.import(&item.tree, &[]);
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.defined.push(signature.ident.to_string());
        visit::visit_signature(self, signature);
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        self.defined.push(variant.ident.to_string());
        visit::visit_variant(self, variant);
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        self.defined.extend(field.ident.as_ref().map(ToString::to_string));
        visit::visit_field(self, field);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.name_if_path(&path.segments.iter().map(|segment| segment.ident.to_string()).collect::<Vec<_>>());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.read_tokens(call.tokens.clone());
    }
}

fn joined(path: &[String], segment: &str) -> ModulePath {
    path.iter().cloned().chain([segment.to_owned()]).collect()
}

fn parent(path: &[String]) -> ModulePath {
    path[..path.len().saturating_sub(1)].to_vec()
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// `#[cfg(test)]`, `#[cfg(all(test, …))]`, `#[test]`, `#[tokio::test]`, `#[wasm_bindgen_test]`.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let name = attribute.path().segments.last().map(|segment| segment.ident.to_string());
        match name.as_deref() {
            Some("test" | "wasm_bindgen_test") => true,
            Some("cfg") => attribute.meta.require_list().is_ok_and(|list| requires_test(list.tokens.clone())),
            _ => false,
        }
    })
}

/// Whether the condition in `cfg(…)` names `test`, other than in `not(…)`.
fn requires_test(condition: TokenStream) -> bool {
    let mut is_negated = false;
    condition.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => {
            is_negated = ident == "not";
            ident == "test"
        }
        TokenTree::Group(group) => !is_negated && requires_test(group.stream()),
        _ => false,
    })
}

#[test]
fn every_way_to_name_a_module_is_found() {
    let cases: &[(&str, &[&str])] = &[
        ("use crate::store::Store;", &["crate::store::Store"]),
        ("use crate::store as s; fn f() { s::open() }", &["crate::store", "crate::store::open"]),
        ("use crate::{bus::{self, Bus}, store::*};", &["crate::bus", "crate::bus::Bus", "crate::store"]),
        ("use super::super::bus;", &["crate::bus"]),
        ("use crate as root; use root::bus::Bus;", &["crate", "crate::bus::Bus"]),
        ("use std::fmt; type Opener = fn(fmt::Error);", &["std::fmt", "std::fmt::Error"]),
        ("use seats::Seat;", &["crate::chat::room::seats::Seat"]),
        ("pub(crate) use self::seats::Seat;", &["crate::chat::room::seats::Seat"]),
        ("use tokio;", &["tokio"]),
        ("type Opener = fn(&std::fs::File) -> crate::Room;", &["crate::Room", "std::fs::File"]),
        ("fn f() { assert!(is(crate::bus::Bus), super::x) }", &["crate::bus::Bus", "crate::chat::x"]),
        ("mod inline { use super::seats; }", &["crate::chat::room::seats"]),
        ("fn f(store: u8) { format!(\"{}\", store); } // crate::bus", &[]),
        ("#[cfg(all(test, unix))] mod tests { use crate::bus; }", &[]),
        ("#[cfg(not(test))] use crate::bus;", &["crate::bus"]),
        ("#[tokio::test] async fn promise() { crate::bus::open(); }", &[]),
    ];
    for (source, expected) in cases {
        let sources = Crate::from_sources(&[("crate::chat::room", &format!("mod seats;\n{source}"))]);
        let named = sources.modules.values().flat_map(|module| &module.named).map(|path| path.join("::"));
        assert_eq!(named.collect::<Vec<_>>(), *expected, "{source}");
    }
}
