//! Reads the file of `--config`: TOML whose keys are the names of options.
//!
//! Each entry is checked by itself, as an argument of the command line is, so that an error can name its
//! line.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, anyhow, bail};
use clap::ArgAction;
use common::encoding;
use toml::{Spanned, Value};

use super::options::{self, Defaults, Options};

/// Reads the values of the file, by option.
pub(super) fn read(path: &Path) -> anyhow::Result<Defaults> {
    let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    let text = encoding::decode(&bytes).with_context(|| format!("{} is not UTF-8", path.display()))?;
    let entries: BTreeMap<String, Spanned<Value>> = toml::from_str(&text).map_err(|error| {
        let position = error.span().map_or(0, |span| span.start);
        error_at(path, &text, position, &error.message().lines().collect::<Vec<_>>().join(" "))
    })?;
    // Checked in the order of the file, so that an error names the first line that is wrong.
    let mut entries: Vec<_> = entries.into_iter().collect();
    entries.sort_by_key(|(_, value)| value.span().start);
    let mut defaults = Defaults::new();
    for (name, value) in entries {
        let position = value.span().start;
        let values = check_entry(&name, value.into_inner())
            .map_err(|error| error_at(path, &text, position, &error.to_string()))?;
        defaults.insert(name, values);
    }
    Ok(defaults)
}

/// Checks one entry, and returns its values as the command line takes them.
fn check_entry(name: &str, value: Value) -> anyhow::Result<Vec<String>> {
    let Some(option) = options::find_option(name).filter(|_| name != "config") else {
        bail!("there is no option {name}");
    };
    let values = match value {
        Value::Array(values) if matches!(option.get_action(), ArgAction::Append) => values,
        value => vec![value],
    };
    // A server without an address to listen on, for example.
    if values.is_empty() && !option.get_default_values().is_empty() {
        bail!("--{name} takes at least one value");
    }
    let values = values.into_iter().map(|value| match value {
        Value::String(text) => Ok(text),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        _ => bail!("--{name} takes a string or a number"),
    });
    let values = values.collect::<anyhow::Result<Vec<_>>>()?;
    let arguments: Vec<String> = values.iter().map(|value| format!("--{name}={value}")).collect();
    let options = Options::parse_alone(&arguments).map_err(|error| anyhow!(options::sentence(&error)))?;
    options.check_each()?;
    Ok(values)
}

/// Names the line but does not show it: it may hold a secret, also under a name that is misspelt.
fn error_at(path: &Path, text: &str, position: usize, reason: &str) -> anyhow::Error {
    let line = text.get(..position).unwrap_or_default().matches('\n').count() + 1;
    anyhow!("{}: line {line}: {reason}", path.display())
}
