# shellcheck shell=bash
# Shared functions of the scripts in this folder: messages, installing missing tools, building.
# Sourced, never run. Tools are installed into target/tools, so that `cargo clean` removes them and
# nothing outside the repository changes. Only system packages (a browser, fonts) are installed with
# apt, and only when a check needs them.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit

target_dir=${CARGO_TARGET_DIR:-$root/target}
tools=$root/target/tools
site=$root/target/site
# shellcheck disable=SC2034  # used by the scripts
madang=$target_dir/release/madang
export PATH="$tools/bin:$tools/node_modules/.bin:$PATH"

# npm's build of wasm-opt. Any version works for our page, but Trunk.toml requires this one.
binaryen_version=132.0.0
# Minifies the JavaScript and the style sheet.
esbuild_version=0.28.2
# Fixed, because each version has other audits.
lighthouse_version=12.8.2

say() {
    printf '\033[1m==> %s\033[0m\n' "$*" >&2
}

fail() {
    printf '\033[1mStopped: %s\033[0m\n' "$*" >&2
    exit 1
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# Prints the comment at the top of the script and exits, if its first argument is --help.
help_if_asked() {
    [[ ${1:-} == --help || ${1:-} == -h ]] || return 0
    sed -n '2,/^[^#]/ s/^# \{0,1\}//p' "bin/$(basename "$0")"
    exit
}

# ---- requirements -------------------------------------------------------------------------------

need_rust() {
    local tool
    for tool in rustup cargo; do
        have "$tool" || fail "$tool is missing. Install Rust through rustup, then run this again."
    done
    # rustfmt and clippy, which a minimal toolchain lacks and only checks need.
    for tool; do
        cargo "$tool" --version >/dev/null 2>&1 && continue
        say "Adding Rust's ${tool/fmt/rustfmt}"
        rustup component add "${tool/fmt/rustfmt}"
    done
    rustup target list --installed | grep -qx wasm32-unknown-unknown && return
    say "Adding Rust's wasm32-unknown-unknown target"
    rustup target add wasm32-unknown-unknown
}

# Compiles a tool from source unless the required version is installed.
need_tool() {
    local name=$1
    while ! has_tool "$name" && is_compiled_beside; do sleep 1; done
    has_tool "$name" && return
    say "Compiling $name $(wanted_version "$name") into target/tools (once, for some minutes)"
    install_tool "$name"
}

has_tool() {
    local command=$1
    # Its command has another name, and must have exactly the version of the library.
    [[ $1 == wasm-bindgen-cli ]] && command=wasm-bindgen
    [[ "$("$command" --version 2>/dev/null)" == *" $(wanted_version "$1")"* ]]
}

wanted_version() {
    case $1 in
        wasm-bindgen-cli) locked_version wasm-bindgen ;;
        # Newer versions do not build with Rust 1.95.
        trunk) echo 0.21.14 ;;
        cargo-leptos) echo 0.3.10 ;;
        cargo-deny) echo 0.20.2 ;;
    esac
}

# Compiles tools in the background, at the lowest priority.
compile_beside() {
    mkdir -p "$tools"
    # With job control, so that the trap can end the whole process group, compilers included.
    set -m
    (
        if have chrt; then chrt --idle --pid 0 "$BASHPID"; else renice -n 19 "$BASHPID" >/dev/null; fi
        for name; do need_tool "$name"; done
    ) >"$tools/beside.log" 2>&1 &
    set +m
    beside=$!
    trap 'kill -- "-$beside" 2>/dev/null || true' EXIT
}

is_compiled_beside() {
    [[ -n ${beside:-} ]] && kill -0 "$beside" 2>/dev/null
}

# Makes the page much smaller. The page works without it, so a failure does not stop the script.
want_wasm_opt() {
    # trunk accepts only this version.
    [[ "$(wasm-opt --version 2>/dev/null)" == *"version ${binaryen_version%%.*}"* ]] && return
    if have npm; then
        say "Installing wasm-opt (binaryen $binaryen_version from npm) into target/tools"
        npm install --silent --no-save --prefix "$tools" \
            "binaryen@$binaryen_version" "esbuild@$esbuild_version" && return
    fi
    have wasm-opt && return
    if can_apt; then
        say "Installing wasm-opt (Debian's binaryen)"
        apt_install binaryen && return
    fi
    say "wasm-opt cannot be installed here; continuing without it, the page will be larger"
}

# Like wasm-opt, optional.
want_esbuild() {
    [[ "$(esbuild --version 2>/dev/null)" == "$esbuild_version" ]] && return
    if have npm; then
        say "Installing esbuild $esbuild_version into target/tools"
        npm install --silent --no-save --prefix "$tools" \
            "esbuild@$esbuild_version" "binaryen@$binaryen_version" && return
    fi
    say "esbuild cannot be installed here; continuing without it, the page will be a little larger"
}

need_node() {
    if ! { have node && have npm; }; then
        say "Installing Node.js"
        apt_install nodejs npm
    fi
    # The first version with import.meta.dirname.
    node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 11) ? 0 : 1)' ||
        fail "Node.js $(node --version) is too old; the tests need 20.11 or newer."
}

need_chromium() {
    local missing=()
    [[ -x /usr/bin/chromium ]] || missing+=(chromium)
    [[ -x /usr/bin/chromedriver ]] || missing+=(chromium-driver)
    # Without these fonts, Korean and emoji are drawn as boxes of a wrong width.
    [[ -e /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc ]] || missing+=(fonts-noto-cjk)
    [[ -e /usr/share/fonts/truetype/noto/NotoColorEmoji.ttf ]] || missing+=(fonts-noto-color-emoji)
    [[ ${#missing[@]} == 0 ]] && return
    say "Installing ${missing[*]}"
    apt_install "${missing[@]}"
}

# The programs in the transcript of README.md.
need_terminal_programs() {
    local missing=()
    have curl || missing+=(curl)
    have nc || missing+=(netcat-openbsd)
    [[ ${#missing[@]} == 0 ]] && return
    say "Installing ${missing[*]}"
    apt_install "${missing[@]}"
}

need_e2e() {
    need_node
    need_chromium
    need_terminal_programs
    [[ e2e/node_modules/.package-lock.json -nt e2e/package-lock.json ]] && return
    say "Installing the test clients (npm ci in e2e)"
    npm ci --silent --prefix e2e
    touch e2e/node_modules/.package-lock.json
}

# In a folder of its own, because npm removes packages that are not named in the same call.
need_lighthouse() {
    lighthouse=$tools/lighthouse/node_modules/lighthouse
    [[ "$(node -p "require('$lighthouse/package.json').version" 2>/dev/null)" == "$lighthouse_version" ]] && return
    say "Installing lighthouse $lighthouse_version into target/tools"
    npm install --silent --no-save --prefix "$tools/lighthouse" "lighthouse@$lighthouse_version"
}

need_python_clients() {
    local wanted=e2e/python/requirements.txt installed=target/python/installed.txt
    cmp --quiet "$wanted" "$installed" && return
    say "Installing the Python test clients into target/python"
    # In Debian, venv is a package of its own.
    python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv
    python3 -m venv target/python
    target/python/bin/pip install --quiet --disable-pip-version-check -r "$wanted"
    cp "$wanted" "$installed"
}

locked_version() {
    awk -v name="\"$1\"" '$1 == "name" { found = $3 == name } found && $1 == "version" { gsub(/"/, "", $3); print $3; exit }' Cargo.lock
}

# The tools run for seconds only, so they are built to compile quickly.
install_tool() {
    local name=$1 optimised=0 options=(--locked)
    case $name in
        # It processes megabytes.
        wasm-bindgen-cli) options=() optimised=1 ;;
        cargo-deny) options+=(--no-default-features) ;;
    esac
    CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS=fallback \
    CARGO_PROFILE_RELEASE_OPT_LEVEL=$optimised \
    CARGO_PROFILE_RELEASE_LTO=off \
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS=256 \
        cargo install --quiet --root "$tools" --version "$(wanted_version "$name")" "${options[@]}" "$name"
}

can_apt() {
    have apt-get && { [[ $EUID == 0 ]] || sudo -n true 2>/dev/null; }
}

apt_install() {
    can_apt || fail "please install these packages, then run this again: $*"
    local as_root=()
    [[ $EUID == 0 ]] || as_root=(sudo -n)
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

# ---- building -----------------------------------------------------------------------------------

# Builds the server in release mode with the page inside, as users run it.
build_madang() {
    build_site
    say "Building the server"
    cargo build --locked --release -p server --bin madang --no-default-features --features embed
}

# Builds the page and lays it out in target/site as `cargo leptos build --release` does, without
# needing cargo-leptos. The server's build embeds this folder.
build_site() {
    need_rust
    if site_is_fresh; then
        say "The page is up to date"
        return
    fi
    need_tool wasm-bindgen-cli
    want_wasm_opt
    want_esbuild

    mkdir -p target
    touch target/site.started
    say "Building the page"
    cargo build --locked -p app --lib --target wasm32-unknown-unknown \
        --no-default-features --features csr --profile wasm-release

    local made=target/site.new
    rm -rf "$made"
    mkdir -p "$made/pkg"
    say "Laying out the page in target/site"
    wasm-bindgen --target web --no-typescript --out-name app --out-dir "$made/pkg" \
        "$target_dir/wasm32-unknown-unknown/wasm-release/app.wasm"
    shorten_names "$made/pkg/app_bg.wasm" "$made/pkg/app.js"
    shrink_wasm "$made/pkg/app_bg.wasm"
    order_functions "$made/pkg/app_bg.wasm"
    bundle_style > "$made/pkg/app.css"
    shrink_text "$made/pkg/app.js"
    shrink_text "$made/pkg/app.css"
    add_hash_to_name "$made/pkg/app.js" js
    add_hash_to_name "$made/pkg/app_bg.wasm" wasm
    add_hash_to_name "$made/pkg/app.css" css
    cp -r public/. "$made/"
    shrink_text "$made/boot.js"
    shrink_text "$made/sw.js"

    rm -rf "$site"
    mv "$made" "$site"
    mv target/site.started target/site.built
}

site_is_fresh() {
    [[ -e target/site.built ]] && compgen -G "$site/pkg/app.*.wasm" >/dev/null || return 1
    [[ -z "$(find app bin/lib.sh bin/order-functions.mjs bin/short-names.mjs common style public index.html Cargo.toml Cargo.lock -newer target/site.built -print -quit)" ]]
}

# Shortens the names of imports and exports, which end in hashes that do not compress. This saves a few
# kilobytes; the page works without it.
shorten_names() {
    have wasm-opt && have node || return 0
    local wasm=$1 script=$2
    if wasm-opt -g --minify-imports-and-exports-and-modules "$wasm" -o "$wasm.short" |
        node bin/short-names.mjs "$script"; then
        mv "$wasm.short" "$wasm"
    else
        rm -f "$wasm.short"
        say "Continuing with long names, the page will be a little larger"
    fi
}

# Not -Os: its module is smaller, but larger when compressed, because it repeats itself less.
# Never --all-features: browsers refuse that module.
shrink_wasm() {
    have wasm-opt || return 0
    wasm-opt -O1 --dae-optimizing --rse --vacuum --duplicate-function-elimination \
        --remove-unused-module-elements --reorder-locals --strip-producers \
        --enable-bulk-memory --enable-nontrapping-float-to-int "$1" -o "$1.small"
    mv "$1.small" "$1"
}

# Puts similar functions next to each other, which brotli compresses better.
order_functions() {
    have wasm-opt && have node || return 0
    node bin/order-functions.mjs "$1" "$1.named"
    wasm-opt --reorder-functions-by-name --strip-target-features "$1.named" -o "$1"
    rm "$1.named"
}

shrink_text() {
    have esbuild || return 0
    esbuild --log-level=warning --minify --charset=utf8 --allow-overwrite "$1" --outfile="$1"
}

# style/main.css contains only the list of its parts, in order.
bundle_style() {
    local part
    sed -n 's|^@import "\./\(.*\)";.*$|\1|p' style/main.css | while read -r part; do
        cat "style/$part"
    done
}

# Renames app_bg.wasm to app.<first 16 digits of its sha256>.wasm, so that it may be cached for ever.
add_hash_to_name() {
    local file=$1 kind=$2 hash
    hash=$(sha256 "$file")
    mv "$file" "$(dirname "$file")/app.${hash:0:16}.$kind"
}

# coreutils calls the program sha256sum, macOS and BSD shasum.
sha256() {
    if have sha256sum; then sha256sum "$1"; else shasum -a 256 "$1"; fi
}
