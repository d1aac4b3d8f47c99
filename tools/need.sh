# Sets up what the tests need beyond Rust, Node and make. Sourced; quiet when all is there.
# Root installs Debian packages; anybody else is told the one line that does it.

# What the bench and the fuzzer need besides is linted, and built where it is run.
TESTED=(--workspace --exclude hello --exclude rates --exclude kangma-fuzz --locked)

need_debian() { # command package...
    local command=$1
    shift
    command -v "$command" >/dev/null && return
    if [ "$(id -u)" = 0 ]; then
        echo "installing $*"
        apt-get update -q >/dev/null
        DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >/dev/null
    else
        echo "$command is missing. Get it with:  sudo apt-get install -y $*" >&2
        exit 1
    fi
}

need_nextest() {
    cargo nextest --version >/dev/null 2>&1 && return
    echo "installing cargo-nextest"
    # Only to run tests: without optimisation and its own updater it is built in half the time.
    cargo install cargo-nextest --locked --version 0.9.143 --debug --no-default-features
}

need_browser() {
    need_debian chromium chromium fonts-noto-cjk
}
