"""Community points: what they give, and who booked."""

import sqlalchemy as sa

from alembic import op

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('point_offer',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('site', sa.String(), nullable=False),
    sa.Column('item', sa.String(), nullable=False),
    sa.Column('pieces', sa.Integer(), nullable=False),
    sa.Column('period_days', sa.Integer(), nullable=False),
    sa.Column('opens_at', sa.Time(), nullable=False),
    sa.Column('closes_at', sa.Time(), nullable=False),
    sa.Column('slot_minutes', sa.Integer(), nullable=False),
    sa.Column('bookings_per_slot', sa.Integer(), nullable=False),
    sa.Column('first_day', sa.Date(), nullable=False),
    sa.Column('last_day', sa.Date(), nullable=False),
    sa.Column('made_by', sa.Uuid(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.CheckConstraint('opens_at < closes_at', name=op.f('ck_point_offer_opens_before_it_closes')),
    sa.CheckConstraint('pieces > 0 AND period_days > 0', name=op.f('ck_point_offer_quota_positive')),
    sa.CheckConstraint('slot_minutes > 0 AND bookings_per_slot > 0', name=op.f('ck_point_offer_slots_positive')),
    sa.ForeignKeyConstraint(['item'], ['item.code'], name=op.f('fk_point_offer_item_item')),
    sa.ForeignKeyConstraint(['made_by'], ['app_user.id'], name=op.f('fk_point_offer_made_by_app_user')),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_point_offer_site_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_point_offer'))
    )
    op.create_index(op.f('ix_point_offer_item'), 'point_offer', ['item'])
    op.create_index(op.f('ix_point_offer_site'), 'point_offer', ['site'])
    op.create_table('booking',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('offer_id', sa.Uuid(), nullable=False),
    sa.Column('site', sa.String(), nullable=False),
    sa.Column('item', sa.String(), nullable=False),
    sa.Column('household', sa.String(), nullable=False),
    sa.Column('code_hash', sa.String(), nullable=False),
    sa.Column('slot_starts_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('pieces', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(40), nullable=False),
    sa.Column('booked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('settled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('settled_by', sa.Uuid(), nullable=True),
    sa.Column('content_digest', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['item'], ['item.code'], name=op.f('fk_booking_item_item')),
    sa.ForeignKeyConstraint(['offer_id'], ['point_offer.id'], name=op.f('fk_booking_offer_id_point_offer')),
    sa.ForeignKeyConstraint(['settled_by'], ['app_user.id'], name=op.f('fk_booking_settled_by_app_user')),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_booking_site_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_booking')),
    sa.UniqueConstraint('code_hash', name=op.f('uq_booking_code_hash'))
    )
    op.create_index(op.f('ix_booking_household_booking_item'), 'booking', ['household', 'item'])
    op.create_index(op.f('ix_booking_offer_id_booking_slot_starts_at'), 'booking', ['offer_id', 'slot_starts_at'])
    op.create_index(op.f('ix_booking_site'), 'booking', ['site'])


def downgrade() -> None:
    op.drop_table('booking')
    op.drop_table('point_offer')
