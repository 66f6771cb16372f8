//! Where a schedule comes from: every decision of the world is a numbered choice, and 0 is always the uneventful option.

/// A choice that did not go the uneventful way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// Which choice of the run, from 0.
    pub at: u32,
    /// What was chosen, from 1.
    pub option: u8,
}

/// What a choice is about: random schedules deviate at a rate of its own for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// How a call on a port ends.
    Call,
    /// Who goes on next.
    Turn,
    /// What shoppers, provider, queue and clocks do.
    World,
}

/// The choices of one run: read from a script, or drawn.
#[derive(Debug)]
pub(crate) struct Choices {
    source: Source,
    arities: Vec<u8>,
    taken: Vec<Deviation>,
}

#[derive(Debug)]
enum Source {
    Script {
        script: Vec<Deviation>,
        next: usize,
    },
    Random {
        draw: Draw,
        per_mille: [u64; 3],
        left: u32,
    },
}

impl Choices {
    /// Deviates as `script` says, in the order of its choices, and nowhere else.
    pub(crate) fn scripted(script: &[Deviation]) -> Self {
        Self::from(Source::Script {
            script: script.to_vec(),
            next: 0,
        })
    }

    /// Deviates as chance has it: now at many calls, now at few, now in the order of things only.
    pub(crate) fn random(mut draw: Draw) -> Self {
        const RATES: [u64; 6] = [0, 10, 30, 80, 150, 300];
        let per_mille = [(); 3].map(|()| RATES[draw.below(RATES.len())]);
        let left = 1 + u32::try_from(draw.below(24)).expect("small");
        Self::from(Source::Random {
            draw,
            per_mille,
            left,
        })
    }

    fn from(source: Source) -> Self {
        Self {
            source,
            arities: Vec::with_capacity(64),
            taken: Vec::new(),
        }
    }

    /// One of `options`, 0 being the uneventful one.
    pub(crate) fn choose(&mut self, about: About, options: usize) -> usize {
        if options < 2 {
            return 0;
        }
        let at = u32::try_from(self.arities.len()).expect("a run is bounded");
        self.arities.push(u8::try_from(options).expect("few options"));
        let option = match &mut self.source {
            Source::Script { script, next } => match script.get(*next) {
                Some(deviation) if deviation.at == at => {
                    *next += 1;
                    Some(usize::from(deviation.option)).filter(|option| *option < options)
                }
                _ => None,
            },
            Source::Random {
                draw,
                per_mille,
                left,
            } => {
                let deviates = *left > 0 && draw.one_in_thousand(per_mille[about as usize]);
                deviates.then(|| {
                    *left -= 1;
                    1 + draw.below(options - 1)
                })
            }
        };
        let Some(option) = option else { return 0 };
        self.taken.push(Deviation {
            at,
            option: u8::try_from(option).expect("few options"),
        });
        option
    }

    /// How many options each choice had, in their order.
    pub(crate) fn arities(&self) -> &[u8] {
        &self.arities
    }

    /// The choices that deviated: as a script they make the same run.
    pub(crate) fn taken(&self) -> &[Deviation] {
        &self.taken
    }
}

/// Pseudo-random numbers: splitmix64 (Steele, Lea, Flood 2014), so that a seed means the same run for ever.
#[derive(Clone, Debug)]
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is at least 1 and small.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).expect("a small number");
        usize::try_from(self.next() % bound).expect("below a small number")
    }

    fn one_in_thousand(&mut self, per_mille: u64) -> bool {
        self.next() % 1_000 < per_mille
    }
}
