//! Puts the page of `target/site` into the binary when the feature `embed` is on: the shell made
//! from `index.html`, and every file with its brotli and gzip forms, ready to send.
//!
//! The folder is filled by cargo-leptos or by `bin/lib.sh`; both name the parts by their content.

#[path = "src/gateway/shell.rs"]
mod shell;

use std::{
    collections::hash_map::DefaultHasher,
    env,
    error::Error,
    fs,
    hash::{Hash, Hasher},
    io::Write,
    path::{Path, PathBuf},
};

use brotli::enc::{BrotliEncoderParams, backward_references::BrotliEncoderMode};

type Fallible<T> = Result<T, Box<dyn Error>>;

const SITE: &str = "../target/site";

fn main() -> Fallible<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/gateway/shell.rs");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let assets = if env::var_os("CARGO_FEATURE_EMBED").is_some() { embed(&out)? } else { Vec::new() };
    fs::write(out.join("site.rs"), format!("static SITE: &[Asset] = &[{}];", assets.join(",\n")))?;
    Ok(())
}

fn embed(out: &Path) -> Fallible<Vec<String>> {
    println!("cargo::rerun-if-changed=../index.html");
    println!("cargo::rerun-if-changed={SITE}");
    let site = Path::new(SITE);
    if !site.join("pkg").is_dir() {
        return Err("target/site/pkg is missing: build the page first (bin/run or cargo leptos build)".into());
    }
    let mut files = Vec::new();
    collect(site, site, &mut files)?;
    files.sort();
    let part = |ending: &str| {
        let named = |name: &&String| name.starts_with("pkg/app.") && name.ends_with(ending);
        files.iter().find(named).cloned().ok_or(format!("target/site/pkg has no app.*{ending}"))
    };
    let (css, js, wasm) = (part(".css")?, part(".js")?, part(".wasm")?);
    let start_script = shell::start_script(&js, &wasm);
    let start = format!("pkg/start.{:016x}.js", hash(start_script.as_bytes()));
    let index = fs::read_to_string("../index.html")?;
    let shell = shell::shell(&index, &css, &js, &wasm, &start);

    let mut assets = vec![
        asset(out, "", "text/html; charset=utf-8", shell.as_bytes())?,
        asset(out, &start, content_type(&start), start_script.as_bytes())?,
    ];
    for name in &files {
        assets.push(asset(out, name, content_type(name), &fs::read(site.join(name))?)?);
    }
    Ok(assets)
}

/// Every file below `folder` that is to be served, by its path in the site.
fn collect(site: &Path, folder: &Path, files: &mut Vec<String>) -> Fallible<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(site, &path, files)?;
            continue;
        }
        let name = path.strip_prefix(site)?.to_str().ok_or("a file name is not UTF-8")?.replace('\\', "/");
        // Type declarations are for programmers; compressed forms are made here, and better.
        let left_out = [".ts", ".br", ".gz", "/index.html"];
        if !left_out.iter().any(|ending| format!("/{name}").ends_with(ending)) {
            println!("cargo::rerun-if-changed={}", path.display());
            files.push(name);
        }
    }
    Ok(())
}

/// The Rust source of one `Asset`, its bytes written beside it.
fn asset(out: &Path, name: &str, content_type: &str, bytes: &[u8]) -> Fallible<String> {
    let file = |kind: &str, bytes: &[u8]| -> Fallible<String> {
        let path = out.join(format!("{}.{kind}", name.replace('/', "-")));
        fs::write(&path, bytes)?;
        Ok(format!("include_bytes!({:?})", path.to_str().ok_or("OUT_DIR is not UTF-8")?))
    };
    let smaller = |kind: &str, packed: Vec<u8>| -> Fallible<String> {
        if packed.len() >= bytes.len() {
            return Ok("None".to_owned());
        }
        Ok(format!("Some({})", file(kind, &packed)?))
    };
    Ok(format!(
        "Asset {{ path: {name:?}, content_type: {content_type:?}, etag: {:?}, plain: {}, brotli: {}, gzip: {} }}",
        format!("\"{:016x}\"", hash(bytes)),
        file("plain", bytes)?,
        smaller("br", brotli(content_type, bytes)?)?,
        smaller("gz", gzip(bytes)?)?,
    ))
}

/// Enough to tell two builds' files apart; nobody attacks their own build.
fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// What follows a byte of a WASM module is best guessed by that byte's upper six bits, and anew
/// for every 128 KiB; brotli by itself would take the wrong bits and larger blocks.
fn brotli(content_type: &str, bytes: &[u8]) -> Fallible<Vec<u8>> {
    let mut parameters = BrotliEncoderParams { quality: 11, lgwin: 22, ..Default::default() };
    if content_type == "application/wasm" {
        parameters.mode = BrotliEncoderMode::BROTLI_FORCE_MSB_PRIOR;
        parameters.lgblock = 17;
    }
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &bytes[..], &mut packed, &parameters)?;
    Ok(packed)
}

fn gzip(bytes: &[u8]) -> Fallible<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("css") => "text/css; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("txt") => "text/plain; charset=utf-8",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}
