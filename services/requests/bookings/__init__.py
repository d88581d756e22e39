"""Bookings 预约: claims on rooms, vehicles and appointment slots that cannot collide, their series, waiting list and feeds."""
