using System.Threading.Channels;
using Clustron.Internal;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Clustron;

/// <summary>
/// One watch: turns what its channel tells, on whatever node, into a stream without holes. Its messages and calls are handled one after
/// the other.
/// </summary>
/// <remarks>
/// INVARIANT: everything up to <see cref="Revision"/> was delivered, or is in a state that was; nothing at or below it is delivered again.
/// A message is delivered if nothing can be missing before it (its previous revision is not above); else, and for whatever may hide
/// something (sync, gap, reset, overflow), the history is asked.
/// </remarks>
internal sealed class WatchSession : IAsyncDisposable
{
    private enum Heard
    {
        Message,
        Nothing,
        End,
    }

    private const int SinceLimit = 1000;
    private const int StartAttempts = 5;
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);

    private readonly Executor _executor;
    private readonly WatchTarget _target;
    private readonly WatchOptions _options;
    private readonly Func<WatchEvent, CancellationToken, ValueTask> _deliver;
    private readonly ILogger _log;
    private readonly Channel<RedisValue> _messages;
    private IAsyncDisposable? _subscription;
    private long _revision, _heard;
    private int _overflown;

    public WatchSession(Executor executor, WatchTarget target, WatchOptions options, Func<WatchEvent, CancellationToken, ValueTask> deliver, ILogger log)
    {
        (_executor, _target, _options, _deliver, _log) = (executor, target, options, deliver, log);
        if (options.Snapshot && options.FromRevision is not null) throw new ArgumentException("Snapshot and FromRevision exclude each other.");
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Buffer, 1, nameof(options.Buffer));
        // What does not fit is left out, the last ones first: the history has it.
        _messages = Channel.CreateBounded<RedisValue>(
            new BoundedChannelOptions(options.Buffer) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true },
            _ => Volatile.Write(ref _overflown, 1));
    }

    public long Revision => Interlocked.Read(ref _revision);

    public TimeSpan SinceHeard => _executor.Time.GetElapsedTime(Interlocked.Read(ref _heard));

    /// <summary>Subscribes and finds where to begin: from then on nothing is missed. Delivers nothing yet.</summary>
    public async Task StartAsync(CancellationToken cancellation)
    {
        Hear();
        _subscription = await _executor.SubscribeAsync(_target.Channel, message => _messages.Writer.TryWrite(message), cancellation).ConfigureAwait(false);
        if (_options.FromRevision is { } from)
        {
            _revision = from;
        }
        else if (!_options.Snapshot)
        {
            await FindStartAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// The newest revision, if the history reaches back to it. It does not where the first watch of the cluster has just begun it.
    /// </summary>
    private async Task FindStartAsync(CancellationToken cancellation)
    {
        Command command = Command.Of("WATCHKEY", "REV");
        for (int attempt = 1;; ++attempt)
        {
            _revision = (long)(await _executor.AskAsync(command, Repeat.Read, cancellation).ConfigureAwait(false)).Array(command, 1)[0];
            try
            {
                await _executor.AskAsync(_target.Since(_revision, 1), Repeat.Read, cancellation).ConfigureAwait(false);
                return;
            }
            catch (CompactedException) when (attempt < StartAttempts) { }
            catch (CompactedException)
            {
                // There is no history: what is missed later is read anew.
                return;
            }
        }
    }

    /// <summary>Delivers until it is cancelled. Ends with the error of a delivery, or of a gap that ends the watch.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        if (_options.Snapshot) await UntilAnsweredAsync(stop => ReadStateAsync(null, stop), cancellation).ConfigureAwait(false);
        else await UntilAnsweredAsync(CatchUpAsync, cancellation).ConfigureAwait(false);
        while (await HeardAsync(cancellation).ConfigureAwait(false) is var heard && heard != Heard.End)
        {
            while (_messages.Reader.TryRead(out RedisValue message)) await HandleAsync(message, cancellation).ConfigureAwait(false);
            bool overflown = Interlocked.Exchange(ref _overflown, 0) != 0;
            if (overflown) _log.LogInformation("The watch of {Target} is slower than its changes: they are fetched from the history.", _target);
            if (overflown || heard == Heard.Nothing) await UntilAnsweredAsync(CatchUpAsync, cancellation).ConfigureAwait(false);
            Hear();
        }
    }

    public async ValueTask DisposeAsync()
    {
        _messages.Writer.TryComplete();
        if (_subscription is { } subscription) await subscription.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>A node that is there says sync each 10 s: one that says nothing may hide something.</summary>
    private async ValueTask<Heard> HeardAsync(CancellationToken cancellation)
    {
        using var quiet = new CancellationTokenSource(Silence, _executor.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, quiet.Token);
        try
        {
            return await _messages.Reader.WaitToReadAsync(either.Token).ConfigureAwait(false) ? Heard.Message : Heard.End;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return Heard.Nothing;
        }
    }

    private async Task HandleAsync(RedisValue message, CancellationToken cancellation)
    {
        WatchMessage? told = WatchMessage.Parse(((ReadOnlyMemory<byte>)message).Span, _target.HasPrevious);
        if (told is null) _log.LogWarning("The watch of {Target} was told something that it does not know; it asks the history.", _target);
        else if (told.Revision <= _revision) return;
        else if (told.Kind == WatchMessageKind.Events && told.Previous <= _revision)
        {
            foreach (WatchEvent e in told.Events) await DeliverAsync(e, cancellation).ConfigureAwait(false);
            Reach(told.Revision);
            return;
        }
        await UntilAnsweredAsync(CatchUpAsync, cancellation).ConfigureAwait(false);
    }

    /// <summary>Delivers what the history has behind the revision.</summary>
    private async Task CatchUpAsync(CancellationToken cancellation)
    {
        for (;;)
        {
            Command command = _target.Since(_revision, SinceLimit);
            RedisResult[] reply;
            try
            {
                reply = (await _executor.AskAsync(command, Repeat.Read, cancellation).ConfigureAwait(false)).Array(command, 2);
            }
            catch (CompactedException error) when (_options.WhenCompacted == WhenCompacted.Resync)
            {
                _log.LogWarning("The watch of {Target} missed changes behind revision {Revision}; history begins at {Oldest}. It reads the state anew.",
                    _target, _revision, error.OldestRevision);
                await ReadStateAsync("compacted", cancellation).ConfigureAwait(false);
                return;
            }
            RedisResult[] revisions = reply[1].Array(command);
            foreach (RedisResult revision in revisions)
            {
                // A swap was met: the state is read, and is newer than the rest.
                if (!await DeliverRevisionAsync(command, revision, cancellation).ConfigureAwait(false)) return;
            }
            Reach((long)reply[0]);
            if (revisions.Length < SinceLimit) return;
        }
    }

    /// <summary><c>[rev, event …]</c>. False: the state was read anew.</summary>
    private async Task<bool> DeliverRevisionAsync(Command command, RedisResult row, CancellationToken cancellation)
    {
        RedisResult[] parts = row.Array(command, 1);
        long revision = (long)parts[0];
        foreach (RedisResult part in parts.Skip(1))
        {
            RedisResult[] words = part.Array(command, 2);
            string kind = words[0].Text()!;
            if (kind == "reset" && words[1].Text() == "swap")
            {
                await ReadStateAsync("swap", cancellation).ConfigureAwait(false);
                return false;
            }
            await DeliverAsync(kind == "reset" ? ResetOf(revision, words[1].Text()!) : EventOf(command, revision, words), cancellation).ConfigureAwait(false);
        }
        Reach(revision);
        return true;
    }

    private static WatchEvent ResetOf(long revision, string reason) => new() { Kind = WatchEventKind.Reset, Revision = revision, Reason = reason };

    /// <summary><c>[put|del, reason, lease or nil, key, value or nil, value before or nil]</c></summary>
    private static WatchEvent EventOf(Command command, long revision, RedisResult[] words)
    {
        if (words.Length < 5) throw Errors.Unexpected(command, words[0]);
        bool put = words[0].Text() == "put";
        return new WatchEvent
        {
            Kind = put ? WatchEventKind.Put : WatchEventKind.Delete,
            Revision = revision,
            Key = (RedisKey)words[3],
            Value = put ? words[4].Value() : RedisValue.Null,
            HasValue = put && !words[4].IsNull,
            PreviousValue = words.Length > 5 ? words[5].Value() : RedisValue.Null,
            Reason = words[1].Text()!,
            LeaseId = words[2].Text(),
        };
    }

    /// <summary>Tells the state, behind a reset if there is a reason for one.</summary>
    private async Task ReadStateAsync(string? resetReason, CancellationToken cancellation)
    {
        Command command = _target.Get();
        RedisResult[] reply = (await _executor.AskAsync(command, Repeat.Read, cancellation).ConfigureAwait(false)).Array(command, 2);
        long revision = (long)reply[0];
        if (resetReason is not null) await DeliverAsync(ResetOf(revision, resetReason), cancellation).ConfigureAwait(false);
        foreach (RedisResult row in reply[1].Array(command))
        {
            RedisResult[] parts = row.Array(command, 5);
            var e = new WatchEvent
            {
                Kind = WatchEventKind.Put,
                Revision = (long)parts[2],
                Key = (RedisKey)parts[0],
                Value = parts[1].Value(),
                HasValue = !parts[1].IsNull,
                Reason = "snapshot",
                LeaseId = parts[4].Text(),
                IsSnapshot = true,
            };
            await DeliverAsync(e, cancellation).ConfigureAwait(false);
        }
        Reach(revision);
    }

    private ValueTask DeliverAsync(WatchEvent e, CancellationToken cancellation) =>
        _deliver(_target.WantsPrevious ? e : e with { PreviousValue = RedisValue.Null }, cancellation);

    private void Hear() => Interlocked.Exchange(ref _heard, _executor.Time.GetTimestamp());

    private void Reach(long revision)
    {
        if (revision > _revision) Interlocked.Exchange(ref _revision, revision);
    }

    /// <summary>While nobody answers it goes on asking; the messages that come meanwhile wait.</summary>
    private async Task UntilAnsweredAsync(Func<CancellationToken, Task> ask, CancellationToken cancellation)
    {
        for (TimeSpan pause = FirstPause;; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            try
            {
                await ask(cancellation).ConfigureAwait(false);
                return;
            }
            catch (Exception error) when (error is UnavailableException or UncertainException)
            {
                _log.LogWarning(error, "The watch of {Target} stands at revision {Revision}: {Reason}", _target, _revision, error.Message);
                await Task.Delay(pause, _executor.Time, cancellation).ConfigureAwait(false);
            }
        }
    }
}
