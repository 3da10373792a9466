//! Embeds the page of `target/site` in the binary when the feature `embed` is on: generates the
//! shell from `index.html`, and compresses every file with brotli and gzip.
//!
//! cargo-leptos or `bin/lib.sh` fills `target/site`; both put a content hash in the file names.

#[path = "build/shell.rs"]
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
    println!("cargo::rerun-if-changed=build/shell.rs");
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
    collect_files(site, site, &mut files)?;
    files.sort();
    let find_part = |ending: &str| {
        let is_part = |name: &&String| name.starts_with("pkg/app.") && name.ends_with(ending);
        files.iter().find(is_part).cloned().ok_or(format!("target/site/pkg has no app.*{ending}"))
    };
    let (css, js, wasm) = (find_part(".css")?, find_part(".js")?, find_part(".wasm")?);
    let start_script = shell::start_script(&js, &wasm);
    let start = format!("pkg/start.{:016x}.js", content_hash(start_script.as_bytes()));
    let index = fs::read_to_string("../index.html")?;
    let shell = shell::shell(&index, &css, &js, &wasm, &start);

    let mut assets = vec![
        asset_source(out, "", "text/html; charset=utf-8", shell.as_bytes())?,
        asset_source(out, &start, content_type(&start), start_script.as_bytes())?,
    ];
    for name in &files {
        assets.push(asset_source(out, name, content_type(name), &fs::read(site.join(name))?)?);
    }
    Ok(assets)
}

/// Collects the paths, relative to `site`, of all files below `folder` that are served.
fn collect_files(site: &Path, folder: &Path, files: &mut Vec<String>) -> Fallible<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect_files(site, &path, files)?;
            continue;
        }
        let name = path.strip_prefix(site)?.to_str().ok_or("a file name is not UTF-8")?.replace('\\', "/");
        // Type declarations are not served, and the files are compressed here, at the best quality.
        let excluded = [".ts", ".br", ".gz", "/index.html"];
        if !excluded.iter().any(|ending| format!("/{name}").ends_with(ending)) {
            println!("cargo::rerun-if-changed={}", path.display());
            files.push(name);
        }
    }
    Ok(())
}

/// Writes the plain and compressed bytes of one file and returns the Rust source of its `Asset`.
fn asset_source(out: &Path, name: &str, content_type: &str, bytes: &[u8]) -> Fallible<String> {
    let file = |kind: &str, bytes: &[u8]| -> Fallible<String> {
        let path = out.join(format!("{}.{kind}", name.replace('/', "-")));
        fs::write(&path, bytes)?;
        Ok(format!("include_bytes!({:?})", path.to_str().ok_or("OUT_DIR is not UTF-8")?))
    };
    let if_smaller = |kind: &str, packed: Vec<u8>| -> Fallible<String> {
        if packed.len() >= bytes.len() {
            return Ok("None".to_owned());
        }
        Ok(format!("Some({})", file(kind, &packed)?))
    };
    Ok(format!(
        "Asset {{ path: {name:?}, content_type: {content_type:?}, etag: {:?}, plain: {}, brotli: {}, gzip: {} }}",
        format!("\"{:016x}\"", content_hash(bytes)),
        file("plain", bytes)?,
        if_smaller("br", brotli(content_type, bytes)?)?,
        if_smaller("gz", gzip(bytes)?)?,
    ))
}

/// A content hash for ETags and file names. It need not resist attacks: the input is our own build.
fn content_hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// Compresses with brotli at the highest quality; WASM gets its own parameters.
fn brotli(content_type: &str, bytes: &[u8]) -> Fallible<Vec<u8>> {
    let mut parameters = BrotliEncoderParams { quality: 11, lgwin: 22, ..Default::default() };
    if content_type == "application/wasm" {
        // In WASM the upper six bits of a byte predict the next one best, and the statistics change
        // every 128 KiB; brotli's own heuristics pick the lower bits and larger blocks.
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
