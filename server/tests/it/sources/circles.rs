//! No modules of a crate import each other in a circle, however long.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    CRATES,
    parse::{Crate, ModulePath},
};

type Imports = BTreeMap<ModulePath, BTreeSet<ModulePath>>;

#[test]
fn modules_do_not_import_each_other_in_circles() {
    let found: BTreeSet<_> = CRATES.iter().flat_map(circles).collect();
    assert!(found.is_empty(), "these modules import each other in a circle: {found:#?}");
}

#[test]
fn a_circle_is_found_over_three_modules_and_every_way_to_name_one() {
    let sources = Crate::from_sources(&[
        ("crate", "mod a; mod b; mod c; mod d; use a::A;"),
        ("crate::a", "mod child; use super::b::B; use child::Child;"),
        ("crate::a::child", "use super::A;"),
        ("crate::b", "use crate::{c as renamed, d};"),
        ("crate::c", "fn f() { println!(\"{}\", crate::a::A) }"),
        ("crate::d", "use std::fmt; #[cfg(test)] mod tests { use crate::b; }"),
    ]);
    assert_eq!(circles(&sources), [["crate::a", "crate::b", "crate::c"].map(str::to_owned).into()].into());
}

/// The largest sets of modules that all reach each other, as their files.
fn circles(sources: &Crate) -> BTreeSet<BTreeSet<String>> {
    let imports: Imports =
        sources.modules.iter().map(|(path, module)| (path.clone(), sources.imports(module))).collect();
    let reached: Imports = imports.keys().map(|from| (from.clone(), reachable(from, &imports))).collect();
    let circle_of = |from| {
        let circle = reached[from].iter().filter(|to| reached[*to].contains(from));
        circle.map(|path| sources.modules[path].file.clone()).collect()
    };
    reached.keys().map(circle_of).filter(|circle: &BTreeSet<_>| !circle.is_empty()).collect()
}

fn reachable(from: &ModulePath, imports: &Imports) -> BTreeSet<ModulePath> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(module) = open.pop() {
        open.extend(imports[module].iter().filter(|next| reached.insert((*next).clone())));
    }
    reached
}
