# DevStack plugin of Backup Manager, sourced by stack.sh, unstack.sh and clean.sh; see README.rst.
# shellcheck shell=bash

# Run a command without trace: DevStack's helpers would show passwords in it.
function _backup_manager_quietly {
    local xtrace
    xtrace=$(set +o | grep xtrace)
    set +o xtrace
    "$@"
    $xtrace
}

function _backup_manager_url {
    echo "$SERVICE_PROTOCOL://$SERVICE_HOST/backup-manager"
}

# Both hold passwords.
function _set_backup_manager_secrets {
    local url
    # DevStack's three-byte utf8 can't carry every character that a name may have.
    url=$(database_connection_url backup_manager | sed -E 's/charset=utf8(&|$)/charset=utf8mb4\1/')
    iniset "$BACKUP_MANAGER_CONF" database connection "$url"
    configure_keystone_authtoken_middleware "$BACKUP_MANAGER_CONF" backup-manager
}

function install_backup_manager {
    # The client, the panels of the dashboard and, as an extra, the server.
    setup_develop "$BACKUP_MANAGER_DIR" server
}

function configure_backup_manager {
    sudo install -d -o "$STACK_USER" -m 750 "$BACKUP_MANAGER_CONF_DIR"
    install -m 640 /dev/null "$BACKUP_MANAGER_CONF"
    iniset "$BACKUP_MANAGER_CONF" DEFAULT debug "$ENABLE_DEBUG_LOG_LEVEL"
    setup_logging "$BACKUP_MANAGER_CONF"
    iniset "$BACKUP_MANAGER_CONF" cinder region_name "$REGION_NAME"
    # Behind tls-proxy the links in answers go by its headers.
    iniset "$BACKUP_MANAGER_CONF" oslo_middleware enable_proxy_headers_parsing True
    _backup_manager_quietly _set_backup_manager_secrets
    if is_service_enabled backup-manager-api; then
        write_uwsgi_config "$BACKUP_MANAGER_UWSGI_CONF" "$BACKUP_MANAGER_UWSGI" \
            "/backup-manager" "" backup-manager-api
        iniset "$BACKUP_MANAGER_UWSGI_CONF" uwsgi env \
            "BACKUP_MANAGER_CONFIG_FILES=$BACKUP_MANAGER_CONF"
    fi
}

# DevStack starts Horizon later, and collects the static files then.
function configure_backup_manager_dashboard {
    local from=$BACKUP_MANAGER_DIR/backup_manager_dashboard
    local to=$HORIZON_DIR/openstack_dashboard/local
    cp "$from"/enabled/_90*.py "$to/enabled/"
    cp "$from"/local_settings.d/_90*.py "$to/local_settings.d/"
}

# The role "service", to validate tokens; no role in anybody's project.
function create_backup_manager_accounts {
    local url
    url=$(_backup_manager_url)
    _backup_manager_quietly create_service_user backup-manager
    get_or_create_service backup-manager backup-manager "Backup Manager"
    get_or_create_endpoint backup-manager "$REGION_NAME" "$url"
}

function init_backup_manager {
    _backup_manager_quietly recreate_database backup_manager
    "$(get_python_exec_prefix)/backup-manager-manage" --config-file "$BACKUP_MANAGER_CONF" db sync
}

function start_backup_manager_api {
    local url
    url=$(_backup_manager_url)
    run_process backup-manager-api \
        "$(which uwsgi) --procname-prefix backup-manager-api --ini $BACKUP_MANAGER_UWSGI_CONF"
    if ! wait_for_service "$SERVICE_TIMEOUT" "$url/healthcheck"; then
        die $LINENO "backup-manager-api did not start"
    fi
}

function start_backup_manager_engine {
    run_process backup-manager-engine \
        "$(get_python_exec_prefix)/backup-manager-engine --config-file $BACKUP_MANAGER_CONF"
}

function configure_tempest_for_backup_manager {
    iniset "$TEMPEST_CONFIG" service_available backup_manager True
}

function stop_backup_manager {
    stop_process backup-manager-engine
    stop_process backup-manager-api
}

function cleanup_backup_manager {
    remove_uwsgi_config "$BACKUP_MANAGER_UWSGI_CONF" backup-manager-api
    sudo rm -rf "$BACKUP_MANAGER_CONF_DIR"
}

function cleanup_backup_manager_dashboard {
    local local_dir=$HORIZON_DIR/openstack_dashboard/local
    rm -f "$local_dir"/enabled/_90*_backup_manager_*.py
    rm -f "$local_dir"/local_settings.d/_9010_backup_manager.py
}

function _backup_manager_extra {
    if is_service_enabled backup-manager-api; then
        echo_summary "Initializing Backup Manager"
        create_backup_manager_accounts
        init_backup_manager
        start_backup_manager_api
    fi
    if is_service_enabled backup-manager-engine; then
        start_backup_manager_engine
    fi
}

function _backup_manager_stack {
    case $1 in
        install)
            echo_summary "Installing Backup Manager"
            install_backup_manager
            ;;
        post-config)
            echo_summary "Configuring Backup Manager"
            configure_backup_manager
            if is_service_enabled horizon; then
                configure_backup_manager_dashboard
            fi
            ;;
        extra)
            _backup_manager_extra
            ;;
        test-config)
            if is_service_enabled tempest; then
                configure_tempest_for_backup_manager
            fi
            ;;
    esac
}

if is_service_enabled backup-manager-api backup-manager-engine; then
    case $1 in
        stack)
            _backup_manager_stack "$2"
            ;;
        unstack)
            echo_summary "Stopping Backup Manager"
            stop_backup_manager
            ;;
        clean)
            echo_summary "Removing Backup Manager"
            cleanup_backup_manager
            if is_service_enabled horizon; then
                cleanup_backup_manager_dashboard
            fi
            ;;
    esac
fi
