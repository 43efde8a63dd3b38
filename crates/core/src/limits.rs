//! Every bound of the product (I13): one constant per line, each with its reason.

use crate::time::Span;

/// A WhatsApp webhook may hold 3 MB (provider page on webhooks); room for headers and growth.
pub const WEBHOOK_BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Meta batches up to 1,000 updates into one POST; more than four times that is not a webhook.
pub const BATCH_ITEMS_MAX: usize = 4_096;

/// Longer customer text is stored up to here and marked; no channel carries more than 64 KiB of text.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;

/// A message that would split into more parts than this is refused when it is written.
pub const MESSAGE_PARTS_MAX: usize = 64;

/// Files from customers above this size are not fetched; Telegram's own limit is 20 MB, WhatsApp's 100 MB.
pub const MEDIA_BYTES_MAX: u64 = 100 * 1024 * 1024;

/// How often one file is asked for before it is given up: over about a day, as provider links die by then.
pub const MEDIA_TRIES_MAX: u32 = 12;

/// A larger mail is taken in with its head only: providers stop at 25 MB of files, 35 MB as they travel.
pub const MAIL_BYTES_MAX: u32 = 40 * 1024 * 1024;

/// Earlier messages that a mail refers to; longer chains are cut by mail programs too (channel facts, 8b).
pub const THREAD_IDS_MAX: usize = 20;

/// Provider time more than this before our receipt of the event makes it *late* (design section 3).
pub const LATE_AFTER: Span = Span::mins(10);

/// A call starts only with more lease left than its time-out; two time-outs leave room for a slow disk.
pub const LEASE: Span = Span::secs(90);

/// Time given to one provider call.
pub const CALL_TIMEOUT: Span = Span::secs(30);

/// Calls under way per account at the least; a hung account holds only its slots.
pub const ACCOUNT_SLOTS: u32 = 8;

/// Calls under way of the fastest account: each is a connection and a task, and a hundred accounts may hang at one time.
pub const ACCOUNT_SLOTS_MAX: u32 = 128;

/// From claim to record a call takes this long on a busy day; an account has slots for as many as its pace lets go meanwhile, so that
/// it is the pace that limits it.
pub const SLOT_HELD: Span = Span::secs(2);

/// Unsent messages one conversation may queue; beyond it the API refuses, as nobody reads so many.
pub const LANE_QUEUE_MESSAGES_MAX: u32 = 1_000;

/// An unsent answer of a bot is worth nothing after this (outage model, policy by message type).
pub const BOT_ANSWER_EXPIRES: Span = Span::mins(2);

/// The same where an incident held it: the channel's time does not count against the answer, but after this nobody waits for it, as
/// a person's answer of that age does not go out unread either.
pub const HELD_ANSWER_EXPIRES: Span = Span::hours(2);

/// A person's message that could not go out for so long goes back to its author.
pub const HELD_RETURNS: Span = Span::hours(24);

/// Rules looked at per event; a workspace with more is refused at the API.
pub const RULES_MAX: usize = 500;

/// Actions one rule may hold.
pub const RULE_ACTIONS_MAX: usize = 32;

/// Attempts per part before it fails for good; at the schedule's end that is about a day.
pub const ATTEMPTS_MAX: u32 = 40;

/// Secrets an account held before, known by their fingerprints: more changes within the journal's retention are no rotation.
pub const RETIRED_SECRETS_MAX: u32 = 16;

/// All of the raw journal on disk; beyond it ingress answers 503. Sixteen million webhooks of 1 KB.
pub const JOURNAL_BYTES_MAX: u64 = 16 * 1024 * 1024 * 1024;

/// One file of the journal: small enough to drop and to rewrite for an erasure, large enough that a busy hub
/// makes one a second at most.
pub const JOURNAL_SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// Input waiting for the disk; more than a second's worth of it means that the disk stands.
pub const JOURNAL_PENDING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The journal takes disk space in such steps: appends into reserved space sync 1.7 times as fast.
pub const JOURNAL_RESERVE_BYTES: u64 = 8 * 1024 * 1024;

/// How long applied raw input is kept (I2).
pub const JOURNAL_RETENTION: Span = Span::hours(30 * 24);

/// Wait before an item that failed for a passing reason is tried again; doubles from there.
pub const DEFER_FIRST: Span = Span::secs(1);

/// Longest such wait: nobody's message should come hours after the trouble is over.
pub const DEFER_WAIT_MAX: Span = Span::mins(10);

/// Tries before such an item becomes a problem that people see: about four hours.
pub const DEFER_TRIES_MAX: u32 = 32;

/// Items set aside at most; with more, the trouble is not of single items and the journal waits instead.
pub const DEFERRED_MAX: u32 = 10_000;

/// Wait before the second attempt; doubles from there.
pub const RETRY_FIRST: Span = Span::secs(1);

/// Longest wait between two attempts: 40 of them then cover about a day, as long as a held message is kept.
pub const RETRY_WAIT_MAX: Span = Span::mins(40);

/// A notice whose outcome stays unknown is sent once more after this (outage model, 5.3).
pub const NOTICE_RESEND_AFTER: Span = Span::mins(10);

/// A receipt that has not come after this is missed once its channel is known to fail; most come within seconds.
pub const RECEIPT_OVERDUE: Span = Span::mins(2);

/// Steps that one template may take; a friendly text takes dozens.
pub const TEMPLATE_FUEL: u64 = 20_000;

/// Nesting of a template's expressions and blocks.
pub const TEMPLATE_DEPTH_MAX: usize = 32;

/// Words, labels, values or buttons in one list of a rule.
pub const RULE_LIST_MAX: usize = 200;

/// Causes of one rule's failures that are told apart; with more, the cause varies with the message and tells nothing.
pub const RULE_CAUSES_MAX: u32 = 8;

/// Items kept with a problem that comes again and again: enough to see what they have in common.
pub const PROBLEM_EXAMPLES_MAX: u32 = 5;

/// Conditions may hold conditions to this depth.
pub const RULE_DEPTH_MAX: usize = 8;

/// How often a rule may ask for one thing again; more is a nuisance to customers.
pub const ASK_RETRIES_MAX: u32 = 5;

/// A question not answered for so long is closed; the next message is looked at as usual.
pub const ASK_EXPIRES: Span = Span::hours(24);

/// A segment that is written to is closed after this time: on a quiet hub retention would never reach it.
pub const JOURNAL_SEGMENT_AGE: Span = Span::hours(24);

/// A continuation link: long enough for the customer who looks in the evening, short enough to be worthless later.
pub const LINK_LIFE: Span = Span::hours(24);

/// Links that one conversation may have open: an agent who needs more has another problem.
pub const LINKS_OPEN_MAX: usize = 10;

/// A one-time code: the time it takes to find the other phone.
pub const CODE_LIFE: Span = Span::mins(10);

/// Tries of one code: with [`CODES_MAX`] codes a guess succeeds once in 40,000 days.
pub const CODE_TRIES_MAX: u32 = 5;

/// Between two codes to one contact: messages may be slow, and every new code ends the last.
pub const CODE_AGAIN: Span = Span::secs(60);

/// Codes to one contact within [`CODES_WITHIN`]: more is a nuisance to whoever gets them.
pub const CODES_MAX: usize = 5;

/// See [`CODES_MAX`].
pub const CODES_WITHIN: Span = Span::hours(24);

/// Addresses, consents, conversations and leads of one contact that a merge moves in one unit; nobody has so many, and a
/// unit must stay short.
pub const CONTACT_ROWS_MAX: usize = 1_000;

/// Messages whose text is looked through for a word of one or two letters: the newest, as the index would gather half of
/// all messages for it first. A few milliseconds; who looks further back types a third letter.
pub const SEARCH_LOOK_MAX: u32 = 1_000;

/// Shortest age by which closed conversations may be removed, in days: within a week all that waits by itself has ended (a
/// held message goes back after a day, a file is given up after a day).
pub const RETENTION_DAYS_MIN: u32 = 7;

/// Longest such age: a hundred years, so that no sum of times overflows.
pub const RETENTION_DAYS_MAX: u32 = 36_500;

/// Messages that retention removes in one unit: the writer is free again in some ten milliseconds.
pub const RETENTION_MESSAGES: u32 = 500;

/// Units of retention in a minute and workspace: ten thousand messages, so that a first run over years of them does
/// not keep the disk from those who talk.
pub const RETENTION_UNITS: u32 = 20;

/// No retention for so long after the clock jumped: a clock that is wrong by years would make everything old.
pub const RETENTION_PAUSE: Span = Span::hours(24);
/// Conversations of one account that are read back after one incident; at the platform's two calls a second it is more than an hour.
pub const HISTORY_THREADS_MAX: u32 = 5_000;

/// Messages of one conversation that are looked at in one reading; platforms hand out the newest 20 (channel facts, 0.4).
pub const HISTORY_MESSAGES_MAX: usize = 500;

/// How often what could not be read is asked for again: at the schedule's end that is about half a day.
pub const HISTORY_TRIES_MAX: u32 = 20;

/// Conversations that one incident marks as having a gap: more than anybody looks through, and a unit must stay short.
pub const GAPS_MAX: u32 = 5_000;
