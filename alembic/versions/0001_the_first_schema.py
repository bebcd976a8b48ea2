"""the first schema"""

import sqlalchemy as sa

from alembic import op
from services.journal import guards

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('account',
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('kind', sa.String(40), nullable=False),
    sa.Column('holder', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('purpose', sa.String(), nullable=True),
    sa.Column('may_overdraw', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('code', name=op.f('pk_account'))
    )
    op.create_index(op.f('ix_account_holder'), 'account', ['holder'], unique=False)
    op.create_index(op.f('ix_account_purpose'), 'account', ['purpose'], unique=False)
    op.create_table('anchor',
    sa.Column('size', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('first_index', sa.BigInteger(), nullable=False),
    sa.Column('root', sa.LargeBinary(), nullable=False),
    sa.Column('chain_id', sa.BigInteger(), nullable=False),
    sa.Column('contract', sa.String(), nullable=False),
    sa.Column('tx_hash', sa.String(), nullable=False),
    sa.Column('block_number', sa.BigInteger(), nullable=False),
    sa.Column('block_hash', sa.String(), nullable=False),
    sa.Column('anchored_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('size', name=op.f('pk_anchor')),
    sa.UniqueConstraint('first_index', name=op.f('uq_anchor_first_index'))
    )
    op.create_table('commodity',
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('commodity_class', sa.String(40), nullable=False),
    sa.Column('base_unit', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('code', name=op.f('pk_commodity'))
    )
    op.create_table('entry',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(40), nullable=False),
    sa.Column('occurred_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor', sa.String(), nullable=False),
    sa.Column('document', sa.String(), nullable=True),
    sa.Column('reverses', sa.Uuid(), nullable=True),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.Column('digest', sa.LargeBinary(), nullable=False),
    sa.Column('content_digest', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['reverses'], ['entry.id'], name=op.f('fk_entry_reverses_entry')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_entry')),
    sa.UniqueConstraint('reverses', name=op.f('uq_entry_reverses'))
    )
    op.create_index(op.f('ix_entry_document'), 'entry', ['document'], unique=False)
    op.create_index(op.f('ix_entry_kind'), 'entry', ['kind'], unique=False)
    op.create_index(op.f('ix_entry_recorded_at'), 'entry', ['recorded_at'], unique=False)
    op.create_table('log_contract',
    sa.Column('address', sa.String(), nullable=False),
    sa.Column('chain_id', sa.BigInteger(), nullable=False),
    sa.Column('verifier_key', sa.String(), nullable=False),
    sa.Column('first_seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('address', name=op.f('pk_log_contract'))
    )
    op.create_table('organisation',
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('kind', sa.String(40), nullable=False),
    sa.Column('name_en', sa.String(), nullable=False),
    sa.Column('name_zh', sa.String(), nullable=False),
    sa.Column('public', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('code', name=op.f('pk_organisation'))
    )
    op.create_table('region',
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('name_en', sa.String(), nullable=False),
    sa.Column('name_zh', sa.String(), nullable=False),
    sa.Column('parent', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['parent'], ['region.code'], name=op.f('fk_region_parent_region')),
    sa.PrimaryKeyConstraint('code', name=op.f('pk_region'))
    )
    op.create_table('signed_checkpoint',
    sa.Column('size', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('note', sa.String(), nullable=False),
    sa.Column('signed_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('size', name=op.f('pk_signed_checkpoint'))
    )
    op.create_table('app_user',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('username', sa.String(), nullable=False),
    sa.Column('display_name', sa.String(), nullable=False),
    sa.Column('role', sa.String(40), nullable=False),
    sa.Column('organisation', sa.String(), nullable=False),
    sa.Column('password_hash', sa.String(), nullable=True),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['organisation'], ['organisation.code'], name=op.f('fk_app_user_organisation_organisation')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_app_user')),
    sa.UniqueConstraint('username', name=op.f('uq_app_user_username'))
    )
    op.create_index(op.f('ix_app_user_organisation'), 'app_user', ['organisation'], unique=False)
    op.create_table('entry_secret',
    sa.Column('entry_id', sa.Uuid(), nullable=False),
    sa.Column('record_key', sa.LargeBinary(), nullable=False),
    sa.Column('fields', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['entry_id'], ['entry.id'], name=op.f('fk_entry_secret_entry_id_entry')),
    sa.PrimaryKeyConstraint('entry_id', name=op.f('pk_entry_secret'))
    )
    op.create_table('fund',
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('name_en', sa.String(), nullable=False),
    sa.Column('name_zh', sa.String(), nullable=False),
    sa.Column('currency', sa.String(), nullable=False),
    sa.Column('organisation', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['currency'], ['commodity.code'], name=op.f('fk_fund_currency_commodity')),
    sa.ForeignKeyConstraint(['organisation'], ['organisation.code'], name=op.f('fk_fund_organisation_organisation')),
    sa.PrimaryKeyConstraint('code', name=op.f('pk_fund'))
    )
    op.create_table('item',
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('name_en', sa.String(), nullable=False),
    sa.Column('name_zh', sa.String(), nullable=False),
    sa.Column('category', sa.String(), nullable=False),
    sa.Column('shelf_life_days', sa.Integer(), nullable=True),
    sa.Column('note', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['code'], ['commodity.code'], name=op.f('fk_item_code_commodity')),
    sa.PrimaryKeyConstraint('code', name=op.f('pk_item'))
    )
    op.create_table('leaf',
    sa.Column('index', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('entry_id', sa.Uuid(), nullable=False),
    sa.Column('leaf_hash', sa.LargeBinary(), nullable=False),
    sa.Column('sealed_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['entry_id'], ['entry.id'], name=op.f('fk_leaf_entry_id_entry')),
    sa.PrimaryKeyConstraint('index', name=op.f('pk_leaf')),
    sa.UniqueConstraint('entry_id', name=op.f('uq_leaf_entry_id'))
    )
    op.create_table('lot',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('commodity', sa.String(), nullable=False),
    sa.Column('batch', sa.String(), nullable=True),
    sa.Column('produced_on', sa.Date(), nullable=True),
    sa.Column('expires_on', sa.Date(), nullable=True),
    sa.Column('origin', sa.String(), nullable=False),
    sa.Column('entry_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['commodity'], ['commodity.code'], name=op.f('fk_lot_commodity_commodity')),
    sa.ForeignKeyConstraint(['entry_id'], ['entry.id'], name=op.f('fk_lot_entry_id_entry')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_lot'))
    )
    op.create_index(op.f('ix_lot_commodity'), 'lot', ['commodity'], unique=False)
    op.create_index(op.f('ix_lot_entry_id'), 'lot', ['entry_id'], unique=False)
    op.create_index(op.f('ix_lot_origin'), 'lot', ['origin'], unique=False)
    op.create_table('site',
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('organisation', sa.String(), nullable=False),
    sa.Column('kind', sa.String(40), nullable=False),
    sa.Column('name_en', sa.String(), nullable=False),
    sa.Column('name_zh', sa.String(), nullable=False),
    sa.Column('region', sa.String(), nullable=False),
    sa.Column('latitude', sa.Float(), nullable=False),
    sa.Column('longitude', sa.Float(), nullable=False),
    sa.Column('gln', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['organisation'], ['organisation.code'], name=op.f('fk_site_organisation_organisation')),
    sa.ForeignKeyConstraint(['region'], ['region.code'], name=op.f('fk_site_region_region')),
    sa.PrimaryKeyConstraint('code', name=op.f('pk_site'))
    )
    op.create_index(op.f('ix_site_organisation'), 'site', ['organisation'], unique=False)
    op.create_index(op.f('ix_site_region'), 'site', ['region'], unique=False)
    op.create_table('api_token',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('token_hash', sa.String(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('label', sa.String(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['app_user.id'], name=op.f('fk_api_token_user_id_app_user')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_api_token')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_api_token_token_hash'))
    )
    op.create_index(op.f('ix_api_token_user_id'), 'api_token', ['user_id'], unique=False)
    op.create_table('balance',
    sa.Column('account', sa.String(), nullable=False),
    sa.Column('lot_id', sa.Uuid(), nullable=False),
    sa.Column('inflow', sa.BigInteger(), nullable=False),
    sa.Column('outflow', sa.BigInteger(), nullable=False),
    sa.Column('may_overdraw', sa.Boolean(), nullable=False),
    sa.CheckConstraint('inflow >= 0 AND outflow >= 0', name=op.f('ck_balance_counters_grow')),
    sa.CheckConstraint('inflow >= outflow OR may_overdraw', name=op.f('ck_balance_not_overdrawn')),
    sa.ForeignKeyConstraint(['account'], ['account.code'], name=op.f('fk_balance_account_account')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_balance_lot_id_lot')),
    sa.PrimaryKeyConstraint('account', 'lot_id', name=op.f('pk_balance'))
    )
    op.create_index(op.f('ix_balance_lot_id'), 'balance', ['lot_id'], unique=False)
    op.create_table('capacity_plan',
    sa.Column('site', sa.String(), nullable=False),
    sa.Column('item', sa.String(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('planned_base', sa.BigInteger(), nullable=False),
    sa.Column('reported_by', sa.Uuid(), nullable=False),
    sa.Column('reported_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('planned_base >= 0', name=op.f('ck_capacity_plan_planned_not_negative')),
    sa.ForeignKeyConstraint(['item'], ['item.code'], name=op.f('fk_capacity_plan_item_item')),
    sa.ForeignKeyConstraint(['reported_by'], ['app_user.id'], name=op.f('fk_capacity_plan_reported_by_app_user')),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_capacity_plan_site_site')),
    sa.PrimaryKeyConstraint('site', 'item', 'day', name=op.f('pk_capacity_plan'))
    )
    op.create_table('donation',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('donor', sa.String(), nullable=False),
    sa.Column('anonymous', sa.Boolean(), nullable=False),
    sa.Column('campaign', sa.String(), nullable=True),
    sa.Column('site', sa.String(), nullable=True),
    sa.Column('fund', sa.String(), nullable=True),
    sa.Column('amount_minor', sa.BigInteger(), nullable=True),
    sa.Column('earmark_kind', sa.String(40), nullable=True),
    sa.Column('earmark', sa.String(), nullable=True),
    sa.Column('given_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded_by', sa.Uuid(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('message', sa.String(), nullable=True),
    sa.Column('cancelled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('cancelled_by', sa.Uuid(), nullable=True),
    sa.Column('cancel_reason', sa.String(), nullable=True),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.CheckConstraint('(site IS NULL) <> (fund IS NULL) AND (fund IS NULL) = (amount_minor IS NULL)', name=op.f('ck_donation_goods_or_money')),
    sa.ForeignKeyConstraint(['cancelled_by'], ['app_user.id'], name=op.f('fk_donation_cancelled_by_app_user')),
    sa.ForeignKeyConstraint(['donor'], ['organisation.code'], name=op.f('fk_donation_donor_organisation')),
    sa.ForeignKeyConstraint(['fund'], ['fund.code'], name=op.f('fk_donation_fund_fund')),
    sa.ForeignKeyConstraint(['recorded_by'], ['app_user.id'], name=op.f('fk_donation_recorded_by_app_user')),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_donation_site_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_donation'))
    )
    op.create_index(op.f('ix_donation_donor'), 'donation', ['donor'], unique=False)
    op.create_table('lane',
    sa.Column('origin', sa.String(), nullable=False),
    sa.Column('destination', sa.String(), nullable=False),
    sa.Column('carrier', sa.String(), nullable=False),
    sa.Column('distance_m', sa.Integer(), nullable=False),
    sa.Column('duration_days', sa.Integer(), nullable=False),
    sa.CheckConstraint('distance_m >= 0 AND duration_days >= 0', name=op.f('ck_lane_not_negative')),
    sa.CheckConstraint('origin <> destination', name=op.f('ck_lane_leads_away')),
    sa.ForeignKeyConstraint(['carrier'], ['organisation.code'], name=op.f('fk_lane_carrier_organisation')),
    sa.ForeignKeyConstraint(['destination'], ['site.code'], name=op.f('fk_lane_destination_site')),
    sa.ForeignKeyConstraint(['origin'], ['site.code'], name=op.f('fk_lane_origin_site')),
    sa.PrimaryKeyConstraint('origin', 'destination', name=op.f('pk_lane'))
    )
    op.create_table('lot_earmark',
    sa.Column('lot_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(40), nullable=False),
    sa.Column('target', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_lot_earmark_lot_id_lot')),
    sa.PrimaryKeyConstraint('lot_id', name=op.f('pk_lot_earmark'))
    )
    op.create_table('move',
    sa.Column('entry_id', sa.Uuid(), nullable=False),
    sa.Column('line', sa.Integer(), nullable=False),
    sa.Column('lot_id', sa.Uuid(), nullable=False),
    sa.Column('source', sa.String(), nullable=False),
    sa.Column('target', sa.String(), nullable=False),
    sa.Column('quantity', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('quantity > 0', name=op.f('ck_move_quantity_positive')),
    sa.CheckConstraint('source <> target', name=op.f('ck_move_source_not_target')),
    sa.ForeignKeyConstraint(['entry_id'], ['entry.id'], name=op.f('fk_move_entry_id_entry')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_move_lot_id_lot')),
    sa.ForeignKeyConstraint(['source'], ['account.code'], name=op.f('fk_move_source_account')),
    sa.ForeignKeyConstraint(['target'], ['account.code'], name=op.f('fk_move_target_account')),
    sa.PrimaryKeyConstraint('entry_id', 'line', name=op.f('pk_move'))
    )
    op.create_index(op.f('ix_move_lot_id'), 'move', ['lot_id'], unique=False)
    op.create_index(op.f('ix_move_source'), 'move', ['source'], unique=False)
    op.create_index(op.f('ix_move_target'), 'move', ['target'], unique=False)
    op.create_table('pack',
    sa.Column('item', sa.String(), nullable=False),
    sa.Column('unit', sa.String(), nullable=False),
    sa.Column('pieces', sa.Integer(), nullable=False),
    sa.Column('gtin', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['item'], ['item.code'], name=op.f('fk_pack_item_item')),
    sa.PrimaryKeyConstraint('item', 'unit', name=op.f('pk_pack'))
    )
    op.create_table('payment',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('fund', sa.String(), nullable=False),
    sa.Column('payee', sa.String(), nullable=False),
    sa.Column('purpose', sa.String(), nullable=False),
    sa.Column('paid_by', sa.Uuid(), nullable=False),
    sa.Column('paid_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['fund'], ['fund.code'], name=op.f('fk_payment_fund_fund')),
    sa.ForeignKeyConstraint(['paid_by'], ['app_user.id'], name=op.f('fk_payment_paid_by_app_user')),
    sa.ForeignKeyConstraint(['payee'], ['organisation.code'], name=op.f('fk_payment_payee_organisation')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_payment'))
    )
    op.create_index(op.f('ix_payment_fund'), 'payment', ['fund'], unique=False)
    op.create_table('production',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('site', sa.String(), nullable=False),
    sa.Column('item', sa.String(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('expiry_source', sa.String(40), nullable=False),
    sa.Column('reported_by', sa.Uuid(), nullable=False),
    sa.Column('reported_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['item'], ['item.code'], name=op.f('fk_production_item_item')),
    sa.ForeignKeyConstraint(['reported_by'], ['app_user.id'], name=op.f('fk_production_reported_by_app_user')),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_production_site_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_production'))
    )
    op.create_index(op.f('ix_production_item'), 'production', ['item'], unique=False)
    op.create_index(op.f('ix_production_site_production_day'), 'production', ['site', 'day'], unique=False)
    op.create_table('purchase',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('fund', sa.String(), nullable=False),
    sa.Column('supplier', sa.String(), nullable=False),
    sa.Column('site', sa.String(), nullable=False),
    sa.Column('bought_by', sa.Uuid(), nullable=False),
    sa.Column('bought_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['bought_by'], ['app_user.id'], name=op.f('fk_purchase_bought_by_app_user')),
    sa.ForeignKeyConstraint(['fund'], ['fund.code'], name=op.f('fk_purchase_fund_fund')),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_purchase_site_site')),
    sa.ForeignKeyConstraint(['supplier'], ['organisation.code'], name=op.f('fk_purchase_supplier_organisation')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_purchase'))
    )
    op.create_index(op.f('ix_purchase_fund'), 'purchase', ['fund'], unique=False)
    op.create_table('run',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('state', sa.String(40), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('horizon_days', sa.Integer(), nullable=False),
    sa.Column('started_by', sa.Uuid(), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('note', sa.String(), nullable=True),
    sa.Column('pieces_needed', sa.BigInteger(), nullable=False),
    sa.Column('snapshot', sa.LargeBinary(), nullable=False),
    sa.Column('snapshot_entry', sa.Uuid(), nullable=False),
    sa.Column('plan', sa.LargeBinary(), nullable=True),
    sa.Column('pieces_allocated', sa.BigInteger(), nullable=True),
    sa.Column('plan_entry', sa.Uuid(), nullable=True),
    sa.Column('comparison', sa.JSON(), nullable=True),
    sa.Column('progress', sa.Integer(), nullable=False),
    sa.Column('progress_note', sa.String(), nullable=False),
    sa.Column('decided_by', sa.Uuid(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decision_note', sa.String(), nullable=True),
    sa.Column('approval_entry', sa.Uuid(), nullable=True),
    sa.Column('failure', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['approval_entry'], ['entry.id'], name=op.f('fk_run_approval_entry_entry')),
    sa.ForeignKeyConstraint(['decided_by'], ['app_user.id'], name=op.f('fk_run_decided_by_app_user')),
    sa.ForeignKeyConstraint(['plan_entry'], ['entry.id'], name=op.f('fk_run_plan_entry_entry')),
    sa.ForeignKeyConstraint(['snapshot_entry'], ['entry.id'], name=op.f('fk_run_snapshot_entry_entry')),
    sa.ForeignKeyConstraint(['started_by'], ['app_user.id'], name=op.f('fk_run_started_by_app_user')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_run'))
    )
    op.create_index(op.f('ix_run_state'), 'run', ['state'], unique=False)
    op.create_table('sign_in',
    sa.Column('token_hash', sa.String(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['app_user.id'], name=op.f('fk_sign_in_user_id_app_user')),
    sa.PrimaryKeyConstraint('token_hash', name=op.f('pk_sign_in'))
    )
    op.create_index(op.f('ix_sign_in_user_id'), 'sign_in', ['user_id'], unique=False)
    op.create_table('stock_count',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('site', sa.String(), nullable=False),
    sa.Column('item', sa.String(), nullable=False),
    sa.Column('lot_id', sa.Uuid(), nullable=False),
    sa.Column('counted_base', sa.BigInteger(), nullable=False),
    sa.Column('occurred_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('counted_by', sa.Uuid(), nullable=False),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.CheckConstraint('counted_base >= 0', name=op.f('ck_stock_count_counted_not_negative')),
    sa.ForeignKeyConstraint(['counted_by'], ['app_user.id'], name=op.f('fk_stock_count_counted_by_app_user')),
    sa.ForeignKeyConstraint(['item'], ['item.code'], name=op.f('fk_stock_count_item_item')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_stock_count_lot_id_lot')),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_stock_count_site_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_stock_count'))
    )
    op.create_index(op.f('ix_stock_count_site_stock_count_lot_id_stock_count_occurred_at'), 'stock_count', ['site', 'lot_id', 'occurred_at'], unique=False)
    op.create_table('substitute',
    sa.Column('item', sa.String(), nullable=False),
    sa.Column('serves', sa.String(), nullable=False),
    sa.Column('preference', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['item'], ['item.code'], name=op.f('fk_substitute_item_item')),
    sa.ForeignKeyConstraint(['serves'], ['item.code'], name=op.f('fk_substitute_serves_item')),
    sa.PrimaryKeyConstraint('item', 'serves', name=op.f('pk_substitute'))
    )
    op.create_table('supply_request',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('site', sa.String(), nullable=False),
    sa.Column('created_by', sa.Uuid(), nullable=False),
    sa.Column('posted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('note', sa.String(), nullable=True),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['created_by'], ['app_user.id'], name=op.f('fk_supply_request_created_by_app_user')),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_supply_request_site_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_supply_request'))
    )
    op.create_index(op.f('ix_supply_request_site'), 'supply_request', ['site'], unique=False)
    op.create_table('donation_line',
    sa.Column('donation_id', sa.Uuid(), nullable=False),
    sa.Column('line', sa.Integer(), nullable=False),
    sa.Column('item', sa.String(), nullable=False),
    sa.Column('quantity', sa.BigInteger(), nullable=False),
    sa.Column('unit', sa.String(), nullable=False),
    sa.Column('quantity_base', sa.BigInteger(), nullable=False),
    sa.Column('batch', sa.String(), nullable=True),
    sa.Column('produced_on', sa.Date(), nullable=True),
    sa.Column('expires_on', sa.Date(), nullable=True),
    sa.Column('receipt_note', sa.String(), nullable=True),
    sa.CheckConstraint('quantity_base > 0', name=op.f('ck_donation_line_quantity_positive')),
    sa.ForeignKeyConstraint(['donation_id'], ['donation.id'], name=op.f('fk_donation_line_donation_id_donation')),
    sa.ForeignKeyConstraint(['item'], ['item.code'], name=op.f('fk_donation_line_item_item')),
    sa.PrimaryKeyConstraint('donation_id', 'line', name=op.f('pk_donation_line'))
    )
    op.create_table('need',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('sequence', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('request_id', sa.Uuid(), nullable=False),
    sa.Column('site', sa.String(), nullable=False),
    sa.Column('item', sa.String(), nullable=False),
    sa.Column('quantity', sa.BigInteger(), nullable=False),
    sa.Column('unit', sa.String(), nullable=False),
    sa.Column('quantity_base', sa.BigInteger(), nullable=False),
    sa.Column('priority', sa.String(40), nullable=False),
    sa.Column('posted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('need_by', sa.Date(), nullable=False),
    sa.Column('status', sa.String(40), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint('quantity_base > 0', name=op.f('ck_need_quantity_positive')),
    sa.ForeignKeyConstraint(['item'], ['item.code'], name=op.f('fk_need_item_item')),
    sa.ForeignKeyConstraint(['request_id'], ['supply_request.id'], name=op.f('fk_need_request_id_supply_request')),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_need_site_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_need')),
    sa.UniqueConstraint('sequence', name=op.f('uq_need_sequence'))
    )
    op.create_index(op.f('ix_need_item'), 'need', ['item'], unique=False)
    op.create_index(op.f('ix_need_request_id'), 'need', ['request_id'], unique=False)
    op.create_index(op.f('ix_need_site'), 'need', ['site'], unique=False)
    op.create_table('shipment',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('run_id', sa.Uuid(), nullable=False),
    sa.Column('origin', sa.String(), nullable=False),
    sa.Column('destination', sa.String(), nullable=False),
    sa.Column('carrier', sa.String(), nullable=False),
    sa.Column('depart_on', sa.Date(), nullable=False),
    sa.Column('due_on', sa.Date(), nullable=False),
    sa.Column('state', sa.String(40), nullable=False),
    sa.ForeignKeyConstraint(['carrier'], ['organisation.code'], name=op.f('fk_shipment_carrier_organisation')),
    sa.ForeignKeyConstraint(['destination'], ['site.code'], name=op.f('fk_shipment_destination_site')),
    sa.ForeignKeyConstraint(['origin'], ['site.code'], name=op.f('fk_shipment_origin_site')),
    sa.ForeignKeyConstraint(['run_id'], ['run.id'], name=op.f('fk_shipment_run_id_run')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_shipment'))
    )
    op.create_index(op.f('ix_shipment_carrier'), 'shipment', ['carrier'], unique=False)
    op.create_index(op.f('ix_shipment_destination'), 'shipment', ['destination'], unique=False)
    op.create_index(op.f('ix_shipment_origin'), 'shipment', ['origin'], unique=False)
    op.create_index(op.f('ix_shipment_run_id'), 'shipment', ['run_id'], unique=False)
    op.create_index(op.f('ix_shipment_state'), 'shipment', ['state'], unique=False)
    op.create_table('need_change',
    sa.Column('need_id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('changed_by', sa.Uuid(), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('what', sa.String(), nullable=False),
    sa.Column('reason', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['changed_by'], ['app_user.id'], name=op.f('fk_need_change_changed_by_app_user')),
    sa.ForeignKeyConstraint(['need_id'], ['need.id'], name=op.f('fk_need_change_need_id_need')),
    sa.PrimaryKeyConstraint('need_id', 'version', name=op.f('pk_need_change'))
    )
    op.create_table('shipment_event',
    sa.Column('shipment_id', sa.Uuid(), nullable=False),
    sa.Column('state', sa.String(40), nullable=False),
    sa.Column('occurred_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor', sa.Uuid(), nullable=False),
    sa.Column('note', sa.String(), nullable=True),
    sa.Column('received_by_name', sa.String(), nullable=True),
    sa.Column('content_digest', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['actor'], ['app_user.id'], name=op.f('fk_shipment_event_actor_app_user')),
    sa.ForeignKeyConstraint(['shipment_id'], ['shipment.id'], name=op.f('fk_shipment_event_shipment_id_shipment')),
    sa.PrimaryKeyConstraint('shipment_id', 'state', name=op.f('pk_shipment_event'))
    )
    op.create_table('shipment_line',
    sa.Column('shipment_id', sa.Uuid(), nullable=False),
    sa.Column('line', sa.Integer(), nullable=False),
    sa.Column('need_id', sa.Uuid(), nullable=False),
    sa.Column('lot_id', sa.Uuid(), nullable=False),
    sa.Column('quantity_base', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('quantity_base > 0', name=op.f('ck_shipment_line_quantity_positive')),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_shipment_line_lot_id_lot')),
    sa.ForeignKeyConstraint(['need_id'], ['need.id'], name=op.f('fk_shipment_line_need_id_need')),
    sa.ForeignKeyConstraint(['shipment_id'], ['shipment.id'], name=op.f('fk_shipment_line_shipment_id_shipment')),
    sa.PrimaryKeyConstraint('shipment_id', 'line', name=op.f('pk_shipment_line')),
    sa.UniqueConstraint('shipment_id', 'need_id', 'lot_id', name=op.f('uq_shipment_line_shipment_id_need_id_lot_id'))
    )
    op.create_index(op.f('ix_shipment_line_lot_id'), 'shipment_line', ['lot_id'], unique=False)
    op.create_index(op.f('ix_shipment_line_need_id'), 'shipment_line', ['need_id'], unique=False)
    op.create_table('receipt_line',
    sa.Column('shipment_id', sa.Uuid(), nullable=False),
    sa.Column('line', sa.Integer(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['shipment_id', 'line'], ['shipment_line.shipment_id', 'shipment_line.line'], name='line'),
    sa.PrimaryKeyConstraint('shipment_id', 'line', name=op.f('pk_receipt_line'))
    )
    for statement in guards.CREATE:
        op.execute(statement)


def downgrade() -> None:
    for statement in guards.DROP:
        op.execute(statement)
    op.drop_table('receipt_line')
    op.drop_index(op.f('ix_shipment_line_need_id'), table_name='shipment_line')
    op.drop_index(op.f('ix_shipment_line_lot_id'), table_name='shipment_line')
    op.drop_table('shipment_line')
    op.drop_table('shipment_event')
    op.drop_table('need_change')
    op.drop_index(op.f('ix_shipment_state'), table_name='shipment')
    op.drop_index(op.f('ix_shipment_run_id'), table_name='shipment')
    op.drop_index(op.f('ix_shipment_origin'), table_name='shipment')
    op.drop_index(op.f('ix_shipment_destination'), table_name='shipment')
    op.drop_index(op.f('ix_shipment_carrier'), table_name='shipment')
    op.drop_table('shipment')
    op.drop_index(op.f('ix_need_site'), table_name='need')
    op.drop_index(op.f('ix_need_request_id'), table_name='need')
    op.drop_index(op.f('ix_need_item'), table_name='need')
    op.drop_table('need')
    op.drop_table('donation_line')
    op.drop_index(op.f('ix_supply_request_site'), table_name='supply_request')
    op.drop_table('supply_request')
    op.drop_table('substitute')
    op.drop_index(op.f('ix_stock_count_site_stock_count_lot_id_stock_count_occurred_at'), table_name='stock_count')
    op.drop_table('stock_count')
    op.drop_index(op.f('ix_sign_in_user_id'), table_name='sign_in')
    op.drop_table('sign_in')
    op.drop_index(op.f('ix_run_state'), table_name='run')
    op.drop_table('run')
    op.drop_index(op.f('ix_purchase_fund'), table_name='purchase')
    op.drop_table('purchase')
    op.drop_index(op.f('ix_production_site_production_day'), table_name='production')
    op.drop_index(op.f('ix_production_item'), table_name='production')
    op.drop_table('production')
    op.drop_index(op.f('ix_payment_fund'), table_name='payment')
    op.drop_table('payment')
    op.drop_table('pack')
    op.drop_index(op.f('ix_move_target'), table_name='move')
    op.drop_index(op.f('ix_move_source'), table_name='move')
    op.drop_index(op.f('ix_move_lot_id'), table_name='move')
    op.drop_table('move')
    op.drop_table('lot_earmark')
    op.drop_table('lane')
    op.drop_index(op.f('ix_donation_donor'), table_name='donation')
    op.drop_table('donation')
    op.drop_table('capacity_plan')
    op.drop_index(op.f('ix_balance_lot_id'), table_name='balance')
    op.drop_table('balance')
    op.drop_index(op.f('ix_api_token_user_id'), table_name='api_token')
    op.drop_table('api_token')
    op.drop_index(op.f('ix_site_region'), table_name='site')
    op.drop_index(op.f('ix_site_organisation'), table_name='site')
    op.drop_table('site')
    op.drop_index(op.f('ix_lot_origin'), table_name='lot')
    op.drop_index(op.f('ix_lot_entry_id'), table_name='lot')
    op.drop_index(op.f('ix_lot_commodity'), table_name='lot')
    op.drop_table('lot')
    op.drop_table('leaf')
    op.drop_table('item')
    op.drop_table('fund')
    op.drop_table('entry_secret')
    op.drop_index(op.f('ix_app_user_organisation'), table_name='app_user')
    op.drop_table('app_user')
    op.drop_table('signed_checkpoint')
    op.drop_table('region')
    op.drop_table('organisation')
    op.drop_table('log_contract')
    op.drop_index(op.f('ix_entry_recorded_at'), table_name='entry')
    op.drop_index(op.f('ix_entry_kind'), table_name='entry')
    op.drop_index(op.f('ix_entry_document'), table_name='entry')
    op.drop_table('entry')
    op.drop_table('commodity')
    op.drop_table('anchor')
    op.drop_index(op.f('ix_account_purpose'), table_name='account')
    op.drop_index(op.f('ix_account_holder'), table_name='account')
    op.drop_table('account')
