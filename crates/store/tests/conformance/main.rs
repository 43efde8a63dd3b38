//! One suite, every engine: what the product relies on in its store.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test ends where something is not as it should be"
)]

mod backup;
mod contacts;
mod continuity;
mod forgotten;
mod history;
mod inbound;
mod links;
mod outbound;
mod recurring;
mod retention;
mod rig;
mod schema;
mod walls;

/// Runs every case on SQLite and, where the machine has it, on PostgreSQL.
macro_rules! store_conformance {
    ($($module:ident: $($case:ident),+;)+) => {
        mod sqlite {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    crate::$module::$case(crate::rig::Rig::sqlite().await).await;
                }
            )+)+
        }
        mod postgres {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    if let Some(rig) = crate::rig::Rig::postgres().await {
                        crate::$module::$case(rig).await;
                    }
                }
            )+)+
        }
    };
}

store_conformance! {
    inbound: a_message_makes_contact_conversation_and_message, a_thousand_equal_events_are_one_message,
        a_batch_keeps_its_order_and_the_sequence_has_no_gap, the_sequence_has_no_gap_under_concurrency,
        rules_answer_in_the_same_unit, stop_is_heeded_before_rules, a_question_stores_address_and_consent,
        late_messages_start_no_automation, a_message_from_before_turns_nothing, a_clock_some_seconds_behind_is_no_lateness,
        a_message_from_before_the_end_leaves_it_resolved, an_answer_typed_before_ends_no_waiting,
        a_start_from_before_the_stop_is_not_heeded, an_edit_may_come_before_its_message, a_deleted_message_loses_its_text,
        edits_count_by_their_own_time, an_unknown_account_is_a_problem, media_are_queued,
        a_customer_with_a_new_address_stays_one_contact, a_nul_in_a_text_costs_no_message;
    outbound: a_loop_ends_delivered, receipts_in_every_order_give_one_state,
        a_watermark_counts_whenever_it_comes,
        a_failure_told_before_the_answer_keeps_its_reason, a_claim_is_exclusive,
        parts_go_in_order, a_crash_between_claim_and_record_is_uncertain, a_recorded_retry_holds_its_lane,
        an_echo_before_our_record_is_one_message, an_echo_settles_an_uncertain_part,
        a_reply_typed_in_the_app_takes_over, a_person_takes_over_from_the_bot, composing_twice_is_one_message,
        a_stopped_account_holds_its_parts, the_window_is_checked_at_the_claim, cancel_and_retry,
        uncertain_ends_unconfirmed_at_its_deadline, an_older_fence_is_refused, a_bot_answer_expires,
        a_retry_waits_for_an_uncertain_part;
    recurring: a_failing_rule_is_one_problem_with_a_count,
        a_recurring_problem_knows_when_and_keeps_its_newest_examples,
        causes_that_vary_with_the_message_fall_together, a_message_without_rules_and_its_problem_are_one_unit,
        a_group_is_listed_once_and_never_a_customer;
    contacts: a_merge_taken_back_changed_nothing, what_was_said_while_two_were_one_stays,
        stop_and_consents_are_kept_at_their_strictest, merges_come_back_in_turn_and_old_ids_lead_on,
        a_split_address_takes_what_is_its_own, only_two_of_one_workspace_merge,
        an_erased_contact_leaves_nothing_and_does_not_come_back, plain_keys_of_an_earlier_version_become_keyed;
    forgotten: no_table_outlives_its_workspace, no_table_outlives_its_people, no_table_stays_behind_in_a_merge,
        no_table_outlives_its_age;
    retention: only_what_is_closed_and_old_and_waits_for_nothing_goes,
        a_removed_conversation_leaves_nothing_and_its_customer_begins_anew, one_workspace_s_age_is_not_another_s;
    continuity: a_fault_holds_what_waits_and_what_is_written_then, a_claim_into_a_fault_is_held,
        what_is_stuck_is_said_and_never_sent_again, a_bots_answer_outlives_what_holds_it, what_waits_hears_the_new_reason,
        a_lane_is_carried_as_a_whole_with_one_line_and_comes_home, who_waits_is_told_where_we_go_on,
        a_suggestion_waits_for_a_person, without_consent_nobody_is_carried,
        a_canary_goes_into_the_fault_and_the_rest_is_drained, what_lost_its_meaning_goes_back_to_its_author,
        quiet_conversations_go_back_after_the_end, incidents_are_kept_with_their_timeline,
        a_known_address_alone_is_no_consent;
    history: a_reading_goes_on_where_it_was, what_was_heard_is_known_by_its_id_and_by_its_words,
        a_gap_marks_who_was_talking;
    links: a_link_opens_once_within_its_day, who_merely_had_a_link_is_told_nothing,
        a_code_proves_who_it_is_and_opens_the_history, a_code_stands_aside_from_the_talk,
        no_code_goes_into_an_incident, what_was_held_does_not_follow_to_who_merely_had_a_link,
        a_link_taken_back_cuts_off_who_proved_nothing;
    walls: workspaces_never_meet, changes_are_seen_in_order_by_a_tailing_reader, a_failing_unit_stores_nothing,
        a_panicking_unit_harms_no_other, reading_units_cannot_write, search_finds_words_of_its_workspace_only,
        a_short_word_is_looked_for_in_the_newest_messages_only,
        labels_and_leads;
}
