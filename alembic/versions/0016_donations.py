"""Campaigns, line states, commitments and releases of earmarks."""

import sqlalchemy as sa

from alembic import op

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_tables()
    extend_tables()


def create_tables() -> None:
    op.create_table('campaign',
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('name_en', sa.String(), nullable=False),
    sa.Column('name_zh', sa.String(), nullable=False),
    sa.Column('about_en', sa.String(), nullable=False),
    sa.Column('about_zh', sa.String(), nullable=False),
    sa.Column('organisation', sa.String(), nullable=False),
    sa.Column('starts_on', sa.Date(), nullable=False),
    sa.Column('ends_on', sa.Date(), nullable=True),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['organisation'], ['organisation.code'], name=op.f('fk_campaign_organisation_organisation')),
    sa.PrimaryKeyConstraint('code', name=op.f('pk_campaign'))
    )
    op.create_table('campaign_goal',
    sa.Column('campaign', sa.String(), nullable=False),
    sa.Column('commodity', sa.String(), nullable=False),
    sa.Column('quantity_base', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('quantity_base > 0', name=op.f('ck_campaign_goal_quantity_positive')),
    sa.ForeignKeyConstraint(['campaign'], ['campaign.code'], name=op.f('fk_campaign_goal_campaign_campaign')),
    sa.ForeignKeyConstraint(['commodity'], ['commodity.code'], name=op.f('fk_campaign_goal_commodity_commodity')),
    sa.PrimaryKeyConstraint('campaign', 'commodity', name=op.f('pk_campaign_goal'))
    )
    op.create_table('money_act',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(40), nullable=False),
    sa.Column('fund', sa.String(), nullable=False),
    sa.Column('party', sa.String(), nullable=True),
    sa.Column('other_fund', sa.String(), nullable=True),
    sa.Column('subject', sa.Uuid(), nullable=True),
    sa.Column('purpose', sa.String(), nullable=False),
    sa.Column('acted_by', sa.Uuid(), nullable=False),
    sa.Column('acted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['acted_by'], ['app_user.id'], name=op.f('fk_money_act_acted_by_app_user')),
    sa.ForeignKeyConstraint(['fund'], ['fund.code'], name=op.f('fk_money_act_fund_fund')),
    sa.ForeignKeyConstraint(['other_fund'], ['fund.code'], name=op.f('fk_money_act_other_fund_fund')),
    sa.ForeignKeyConstraint(['party'], ['organisation.code'], name=op.f('fk_money_act_party_organisation')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_money_act'))
    )
    op.create_index(op.f('ix_money_act_fund'), 'money_act', ['fund'], unique=False)
    op.create_index(op.f('ix_money_act_kind'), 'money_act', ['kind'], unique=False)
    op.create_index(op.f('ix_money_act_subject'), 'money_act', ['subject'], unique=False)
    op.create_table('purchase_order',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('fund', sa.String(), nullable=False),
    sa.Column('supplier', sa.String(), nullable=False),
    sa.Column('site', sa.String(), nullable=False),
    sa.Column('status', sa.String(40), nullable=False),
    sa.Column('earmark_kind', sa.String(40), nullable=True),
    sa.Column('earmark', sa.String(), nullable=True),
    sa.Column('expected_on', sa.Date(), nullable=True),
    sa.Column('note', sa.String(), nullable=True),
    sa.Column('drafted_by', sa.Uuid(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ordered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('cancelled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['drafted_by'], ['app_user.id'], name=op.f('fk_purchase_order_drafted_by_app_user')),
    sa.ForeignKeyConstraint(['fund'], ['fund.code'], name=op.f('fk_purchase_order_fund_fund')),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_purchase_order_site_site')),
    sa.ForeignKeyConstraint(['supplier'], ['organisation.code'], name=op.f('fk_purchase_order_supplier_organisation')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_purchase_order'))
    )
    op.create_index(op.f('ix_purchase_order_fund'), 'purchase_order', ['fund'], unique=False)
    op.create_index(op.f('ix_purchase_order_recorded_at'), 'purchase_order', ['recorded_at'], unique=False)
    op.create_table('receiving_rule',
    sa.Column('site', sa.String(), nullable=False),
    sa.Column('three_signatures', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_receiving_rule_site_site')),
    sa.PrimaryKeyConstraint('site', name=op.f('pk_receiving_rule'))
    )
    op.create_table('order_delivery',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('order_id', sa.Uuid(), nullable=False),
    sa.Column('refused', sa.JSON(), nullable=False),
    sa.Column('delivered_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded_by', sa.Uuid(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['order_id'], ['purchase_order.id'], name=op.f('fk_order_delivery_order_id_purchase_order')),
    sa.ForeignKeyConstraint(['recorded_by'], ['app_user.id'], name=op.f('fk_order_delivery_recorded_by_app_user')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_order_delivery'))
    )
    op.create_index(op.f('ix_order_delivery_order_id'), 'order_delivery', ['order_id'], unique=False)
    op.create_table('order_line',
    sa.Column('order_id', sa.Uuid(), nullable=False),
    sa.Column('line', sa.Integer(), nullable=False),
    sa.Column('item', sa.String(), nullable=False),
    sa.Column('quantity', sa.BigInteger(), nullable=False),
    sa.Column('unit', sa.String(), nullable=False),
    sa.Column('quantity_base', sa.BigInteger(), nullable=False),
    sa.Column('price_minor', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('quantity_base > 0 AND price_minor > 0', name=op.f('ck_order_line_positive')),
    sa.ForeignKeyConstraint(['item'], ['item.code'], name=op.f('fk_order_line_item_item')),
    sa.ForeignKeyConstraint(['order_id'], ['purchase_order.id'], name=op.f('fk_order_line_order_id_purchase_order')),
    sa.PrimaryKeyConstraint('order_id', 'line', name=op.f('pk_order_line'))
    )
    op.create_table('receipt_paper',
    sa.Column('donation_id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('says', sa.JSON(), nullable=False),
    sa.Column('opened_by', sa.Uuid(), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('posted_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['donation_id'], ['donation.id'], name=op.f('fk_receipt_paper_donation_id_donation')),
    sa.ForeignKeyConstraint(['opened_by'], ['app_user.id'], name=op.f('fk_receipt_paper_opened_by_app_user')),
    sa.PrimaryKeyConstraint('donation_id', name=op.f('pk_receipt_paper'))
    )
    op.create_table('receipt_signature',
    sa.Column('donation_id', sa.Uuid(), nullable=False),
    sa.Column('part', sa.String(40), nullable=False),
    sa.Column('signed_by', sa.Uuid(), nullable=False),
    sa.Column('signed_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['donation_id'], ['receipt_paper.donation_id'], name=op.f('fk_receipt_signature_donation_id_receipt_paper')),
    sa.ForeignKeyConstraint(['signed_by'], ['app_user.id'], name=op.f('fk_receipt_signature_signed_by_app_user')),
    sa.PrimaryKeyConstraint('donation_id', 'part', name=op.f('pk_receipt_signature')),
    sa.UniqueConstraint('donation_id', 'signed_by', name=op.f('uq_receipt_signature_donation_id_signed_by'))
    )


def extend_tables() -> None:
    op.add_column('donation', sa.Column('expected_on', sa.Date(), nullable=True))
    op.add_column('donation', sa.Column('campaign_code', sa.String(), nullable=True))
    op.add_column('donation', sa.Column('earmark_release_on', sa.Date(), nullable=True))
    op.add_column('donation', sa.Column('refused_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('donation', sa.Column('refused_by', sa.Uuid(), nullable=True))
    op.add_column('donation', sa.Column('refusal', sa.String(40), nullable=True))
    op.add_column('donation', sa.Column('refusal_note', sa.String(), nullable=True))
    op.create_index(op.f('ix_donation_campaign_code'), 'donation', ['campaign_code'], unique=False)
    op.create_foreign_key(op.f('fk_donation_refused_by_app_user'), 'donation', 'app_user', ['refused_by'], ['id'])
    op.create_foreign_key(op.f('fk_donation_campaign_code_campaign'), 'donation', 'campaign', ['campaign_code'], ['code'])
    op.add_column('donation_line', sa.Column('refused_base', sa.BigInteger(), server_default=sa.text('0'), nullable=False))
    op.add_column('donation_line', sa.Column('refusal', sa.String(40), nullable=True))
    op.add_column('lot_earmark', sa.Column('released_entry', sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f('fk_lot_earmark_released_entry_entry'), 'lot_earmark', 'entry', ['released_entry'], ['id'])
    op.add_column('payment', sa.Column('commitment', sa.Uuid(), nullable=True))
    op.create_index(op.f('ix_payment_commitment'), 'payment', ['commitment'], unique=False)


def downgrade() -> None:
    op.drop_index(op.f('ix_payment_commitment'), table_name='payment')
    op.drop_column('payment', 'commitment')
    op.drop_constraint(op.f('fk_lot_earmark_released_entry_entry'), 'lot_earmark', type_='foreignkey')
    op.drop_column('lot_earmark', 'released_entry')
    op.drop_column('donation_line', 'refusal')
    op.drop_column('donation_line', 'refused_base')
    op.drop_constraint(op.f('fk_donation_campaign_code_campaign'), 'donation', type_='foreignkey')
    op.drop_constraint(op.f('fk_donation_refused_by_app_user'), 'donation', type_='foreignkey')
    op.drop_index(op.f('ix_donation_campaign_code'), table_name='donation')
    op.drop_column('donation', 'refusal_note')
    op.drop_column('donation', 'refusal')
    op.drop_column('donation', 'refused_by')
    op.drop_column('donation', 'refused_at')
    op.drop_column('donation', 'earmark_release_on')
    op.drop_column('donation', 'campaign_code')
    op.drop_column('donation', 'expected_on')
    op.drop_table('receipt_signature')
    op.drop_table('receipt_paper')
    op.drop_table('order_line')
    op.drop_index(op.f('ix_order_delivery_order_id'), table_name='order_delivery')
    op.drop_table('order_delivery')
    op.drop_table('receiving_rule')
    op.drop_index(op.f('ix_purchase_order_recorded_at'), table_name='purchase_order')
    op.drop_index(op.f('ix_purchase_order_fund'), table_name='purchase_order')
    op.drop_table('purchase_order')
    op.drop_index(op.f('ix_money_act_subject'), table_name='money_act')
    op.drop_index(op.f('ix_money_act_kind'), table_name='money_act')
    op.drop_index(op.f('ix_money_act_fund'), table_name='money_act')
    op.drop_table('money_act')
    op.drop_table('campaign_goal')
    op.drop_table('campaign')
