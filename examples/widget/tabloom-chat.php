<?php
/**
 * Plugin Name: Tabloom chat
 * Description: Puts a chat into every page. Copy this file into wp-content/plugins and activate it.
 */

defined( 'ABSPATH' ) || exit;

const TABLOOM_RELAY = 'https://relay.example';
const TABLOOM_KEY   = 'pk_your_key';

add_action(
	'wp_footer',
	function () {
		printf(
			'<script src="%s" async data-key="%s" data-heading="%s" data-context="main"></script>',
			esc_url( TABLOOM_RELAY . '/widget.js' ),
			esc_attr( TABLOOM_KEY ),
			esc_attr( get_bloginfo( 'name' ) )
		);
	}
);
