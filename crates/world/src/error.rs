//! Why nothing was learnt.

/// What can go wrong when a model is learnt.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum WorldError {
    #[error("{found} periods are too few to learn from: at least {needed} are needed")]
    TooLittle { found: usize, needed: usize },
    #[error(
        "{sensor} was read at the end of {read} of {periods} periods: too seldom to learn from; make the plant's period as long as \
         its slowest sensor needs"
    )]
    Unread { sensor: String, read: usize, periods: usize },
    #[error("the episodes cannot be fitted: they hold numbers that are not finite, or are all alike")]
    NotFinite,
}
