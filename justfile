# The commands of a day's work. `just` lists them; each is one line that can be typed without it.

_:
    @'{{just_executable()}}' --list --unsorted

# Start the whole shop on this machine: http://localhost:3000
run *ARGS:
    cargo run -- {{ARGS}}

# Type-check every crate and its tests
check:
    cargo check --workspace --all-targets

# Run the tests: all, or those of one crate or name (`just test -p domain`)
test *ARGS='--workspace':
    cargo test {{ARGS}}

# Format, and lint as CI does
lint:
    cargo fmt --all
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps

# Run CI's steps: all, or one by name (`just ci templates`)
ci STEP='':
    .ci/run {{ if STEP == '' { '' } else { '--only ' + STEP } }}

# Name CI's steps
ci-steps:
    .ci/run --list

# Fuzz the parsers, guided by coverage: `just fuzz 50000 stripe`
fuzz *ARGS:
    .ci/fuzz {{ARGS}}

# Run every schedule of up to three faults, and a million at random
sim:
    cargo run --release -p sim -- run

# Run one schedule or seed of the simulation again, step by step
replay SCHEDULE *BUG:
    cargo run --bin sim -- replay {{SCHEDULE}} {{BUG}}

# Measure one part: cold, warm, load, growth or cost
bench PART *ARGS:
    cargo run --release -p bench -- {{PART}} {{ARGS}}

# Replay a week of real orders through the running shop
week:
    cargo run -- replay tools/kontor/data/online-retail/orders-2010-12-01-week.jsonl

# Ask the running shop as its operator (`just ops orders stuck`)
ops *ARGS:
    cargo run --bin ops -- --local {{ARGS}}

# Count the lines of Rust: what ships, its tests, and what never ships
lines:
    @git ls-files '*.rs' | xargs awk ' \
        FNR == 1 { test = FILENAME ~ /\/(tests|fuzz)[.\/]/; side = FILENAME ~ /^(crates|functions)\// } \
        held && /^mod [a-z_]+ \{/ { test = 1 } \
        { held = /^#\[cfg\(test\)\]/; lines[side ? (test ? "tests of what ships" : "ships") : "never ships: tools, tests"]++ } \
        END { for (kind in lines) printf "%6d  %s\n", lines[kind], kind }' | sort -k2
